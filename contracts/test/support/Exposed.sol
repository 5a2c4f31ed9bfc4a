// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence} from "../../src/libraries/Evidence.sol";
import {MerkleTree} from "../../src/libraries/MerkleTree.sol";
import {Scores} from "../../src/libraries/Scores.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader, Charge} from "../../src/types/Batch.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {Claim, Vote} from "../../src/types/Statement.sol";

/// @notice Makes the libraries callable: their arguments lie in calldata.
contract Exposed {
    function hashReceipt(Receipt calldata receipt) external pure returns (bytes32) {
        return TypedData.hashReceipt(receipt);
    }

    function hashHeader(BatchHeader calldata header) external pure returns (bytes32) {
        return TypedData.hashHeader(header);
    }

    function hashCharges(Charge[] calldata charges) external pure returns (bytes32 hash) {
        (hash,) = TypedData.hashCharges(charges);
    }

    function hashClaim(Claim calldata claim) external pure returns (bytes32) {
        return TypedData.hashClaim(claim);
    }

    function hashVote(Vote calldata vote) external pure returns (bytes32) {
        return TypedData.hashVote(vote);
    }

    function verify(bytes32 root, uint256 count, bytes32 leaf, uint256 index, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleTree.verify(root, count, bytes.concat(leaf), index, siblings);
    }

    function holds(bytes32 root, bytes calldata leaf, uint256 path, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleTree.holds(root, leaf, path, siblings);
    }

    function holdsSum(bytes32 root, address account, uint256 cumulativeWei, uint256 path, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleTree.holdsSum(root, account, cumulativeWei, path, siblings);
    }

    function headLeaf(uint64 decoys, uint128 decoySquares, bytes calldata query) external pure returns (bytes memory) {
        return Evidence.headLeaf(decoys, decoySquares, query);
    }

    function shareLeaf(address contributor, uint64 rows, int64 score) external pure returns (bytes memory) {
        return Evidence.shareLeaf(contributor, rows, score);
    }

    function spanLeaf(uint32 occurrences, bytes calldata tokens) external pure returns (bytes memory) {
        return Evidence.spanLeaf(occurrences, tokens);
    }

    function sumLeaf(address contributor, uint64 rows, bytes calldata vector) external pure returns (bytes memory) {
        return Evidence.sumLeaf(contributor, rows, vector);
    }

    function indexesRoot(bytes32 influenceRoot, bytes32 spansRoot) external pure returns (bytes32) {
        return Evidence.indexesRoot(influenceRoot, spansRoot);
    }

    function dot(bytes calldata vector, bytes calldata query) external pure returns (int256) {
        return Scores.dot(vector, query);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Evidence, Part, Share} from "../../src/libraries/Evidence.sol";
import {MerkleTree} from "../../src/libraries/MerkleTree.sol";
import {Scores} from "../../src/libraries/Scores.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader, Charge} from "../../src/types/Batch.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {Claim, Opening, Vote} from "../../src/types/Statement.sol";

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

    function hashOpening(Opening calldata opening) external pure returns (bytes32) {
        return TypedData.hashOpening(opening);
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

    function climb(bytes32 node, uint256 path, bytes32[] calldata siblings) external pure returns (bytes32) {
        return MerkleTree.climb(node, path, siblings);
    }

    function holdsSum(bytes32 root, address account, uint256 cumulativeWei, uint256 path, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleTree.holdsSum(root, account, cumulativeWei, path, siblings);
    }

    function headLeaf(uint64 decoys, uint128 decoySquares, bytes32 queryRoot) external pure returns (bytes memory) {
        return Evidence.headLeaf(decoys, decoySquares, queryRoot);
    }

    function shareLeaf(Share calldata share) external pure returns (bytes memory) {
        return Evidence.shareLeaf(share);
    }

    function partOf(Share calldata share, uint256 part) external pure returns (int64) {
        return Evidence.partOf(share, part);
    }

    function spanLeaf(uint32 place, uint32 occurrences, bytes calldata tokens) external pure returns (bytes memory) {
        return Evidence.spanLeaf(place, occurrences, tokens);
    }

    function sumLeaf(address contributor, uint64 rows, bytes32 vectorRoot) external pure returns (bytes memory) {
        return Evidence.sumLeaf(contributor, rows, vectorRoot);
    }

    function rowRoot(Part calldata part, uint256 place) external pure returns (bytes32) {
        return Evidence.rowRoot(part, place);
    }

    function indexesRoot(bytes32 influenceRoot, bytes32 spansRoot) external pure returns (bytes32) {
        return Evidence.indexesRoot(influenceRoot, spansRoot);
    }

    function dot(bytes calldata vector, bytes calldata query) external pure returns (bool fits, int256 product) {
        return Scores.dot(vector, query);
    }
}

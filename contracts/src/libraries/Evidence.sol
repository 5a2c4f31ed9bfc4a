// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Receipt} from "../types/Receipt.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {TypedData} from "./TypedData.sol";

/// @notice A receipt with its place in a batch.
struct Placed {
    BatchHeader header;
    Receipt receipt;
    uint256 index;
    bytes32[] siblings;
}

/// @notice The way from a leaf up to a root: a bit a sibling, lowest first, set where it comes up on the right.
struct Way {
    uint256 path;
    bytes32[] siblings;
}

/// @notice The leaves of an answer's attribution, of a gradient index and of a span index: `protocol/attribution.ts`.
library Evidence {
    error NotInBatch(bytes32 jobId, uint64 batch, uint256 index);
    error NotCommitted(string what);

    /// @notice Checks that the receipt stands in the batch that its header names.
    function requirePlaced(Placed calldata placed) internal pure {
        bytes memory leaf = bytes.concat(TypedData.hashReceipt(placed.receipt));
        BatchHeader calldata header = placed.header;
        if (!MerkleTree.verify(header.receiptsRoot, header.receiptCount, leaf, placed.index, placed.siblings)) {
            revert NotInBatch(placed.receipt.jobId, header.number, placed.index);
        }
    }

    function requireLeaf(bytes32 root, bytes memory leaf, Way calldata way, string memory what) internal pure {
        if (!MerkleTree.holds(root, leaf, way.path, way.siblings)) revert NotCommitted(what);
    }

    /// @notice What a fine-tune's receipt carries as its attribution: both indexes under one root.
    function indexesRoot(bytes32 influenceRoot, bytes32 spansRoot) internal pure returns (bytes32) {
        bytes32 left = MerkleTree.hashLeaf(bytes.concat("influence", influenceRoot));
        bytes32 right = MerkleTree.hashLeaf(bytes.concat("spans", spansRoot));
        return keccak256(bytes.concat(MerkleTree.NODE, left, right));
    }

    /// @notice The answer's own row, and the noise that its decoys measured.
    function headLeaf(uint64 decoys, uint128 decoySquares, bytes calldata query) internal pure returns (bytes memory) {
        return abi.encodePacked("decoys", decoys, decoySquares, keccak256(query));
    }

    function shareLeaf(address contributor, uint64 rows, int64 score) internal pure returns (bytes memory) {
        return abi.encodePacked("share", contributor, rows, score);
    }

    function spanLeaf(uint32 occurrences, bytes calldata tokens) internal pure returns (bytes memory) {
        return abi.encodePacked("span", occurrences, keccak256(tokens));
    }

    /// @notice The sum of a contributor's rows, each coordinate big-endian in `vector.length / k` bytes.
    function sumLeaf(address contributor, uint64 rows, bytes calldata vector) internal pure returns (bytes memory) {
        return abi.encodePacked("sum", contributor, rows, vector);
    }
}

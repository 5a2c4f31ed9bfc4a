// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HashedHeader, HashedReceipt} from "../types/Hashed.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {TypedData} from "./TypedData.sol";

/// @notice A receipt with its place in a batch.
struct Placed {
    HashedHeader header;
    HashedReceipt receipt;
    uint256 index;
    bytes32[] siblings;
}

/// @notice The way from a leaf up to a root: a bit a sibling, lowest first, set where it comes up on the right.
struct Way {
    uint256 path;
    bytes32[] siblings;
}

/// @notice A quarter of a row, whose coordinates are big-endian and signed, with the way up to the row's root.
struct Part {
    bytes coordinates;
    bytes32[2] siblings;
}

/// @notice A contributor's share of an answer: the products of its rows' sum and the answer's row, by part.
struct Share {
    address contributor;
    uint64 rows;
    /// Four numbers of 64 bits, signed, the first on the left.
    bytes32 parts;
}

/// @notice The leaves of an answer's attribution and of a gradient index: `protocol/evidence.ts`.
library Evidence {
    error NotInBatch(bytes32 jobId, uint64 batch, uint256 index);
    error NotCommitted(string what);

    /// @notice Checks that the receipt stands in the batch that its header names, and tells the header's hash.
    function requirePlaced(Placed calldata placed) internal pure returns (bytes32 headerHash) {
        HashedHeader calldata header = placed.header;
        bytes32 receiptHash = TypedData.hashReceipt(placed.receipt);
        requireInBatch(header, placed.receipt.jobId, receiptHash, placed.index, placed.siblings);
        return TypedData.hashHeader(header);
    }

    /// @notice Checks that these are all who passed the claim, in the receipt's order: else one could sit on the jury, or get away.
    function requirePassedBy(HashedReceipt calldata receipt, address[] memory passedBy) internal pure {
        if (keccak256(abi.encodePacked(passedBy)) != receipt.passedBy) revert NotCommitted("passedBy");
    }

    function requireInBatch(
        HashedHeader calldata header,
        bytes32 jobId,
        bytes32 receiptHash,
        uint256 index,
        bytes32[] calldata siblings
    ) internal pure {
        bytes memory leaf = bytes.concat(receiptHash);
        if (!MerkleTree.verify(header.receiptsRoot, header.receiptCount, leaf, index, siblings)) {
            revert NotInBatch(jobId, header.number, index);
        }
    }

    /// @notice What a fine-tune's receipt carries as its attribution: both indexes under one root.
    function indexesRoot(bytes32 influenceRoot, bytes32 spansRoot) internal pure returns (bytes32) {
        bytes32 left = MerkleTree.hashLeaf(bytes.concat("influence", influenceRoot));
        bytes32 right = MerkleTree.hashLeaf(bytes.concat("spans", spansRoot));
        return MerkleTree.hashNode(left, right);
    }

    /// @notice The noise that the decoys measured, and the root of the answer's own row.
    function headLeaf(uint64 decoys, uint128 decoySquares, bytes32 queryRoot) internal pure returns (bytes memory) {
        return abi.encodePacked("decoys", decoys, decoySquares, queryRoot);
    }

    function shareLeaf(Share calldata share) internal pure returns (bytes memory) {
        return abi.encodePacked("share", share.contributor, share.rows, share.parts);
    }

    /// @notice One part of a share, 0 to 3; any other number fails.
    function partOf(Share calldata share, uint256 part) internal pure returns (int64) {
        return int64(uint64(uint256(share.parts) >> (192 - 64 * part)));
    }

    function spanLeaf(uint32 place, uint32 occurrences, bytes calldata tokens) internal pure returns (bytes memory) {
        return abi.encodePacked("span", place, occurrences, keccak256(tokens));
    }

    /// @notice The sum of a contributor's rows, by the root of its parts.
    function sumLeaf(address contributor, uint64 rows, bytes32 vectorRoot) internal pure returns (bytes memory) {
        return abi.encodePacked("sum", contributor, rows, vectorRoot);
    }

    /// @notice The root of a row with this part in the given place, 0 to 3.
    function rowRoot(Part calldata part, uint256 place) internal pure returns (bytes32) {
        return MerkleTree.climb(MerkleTree.hashLeaf(part.coordinates), place, part.siblings);
    }
}

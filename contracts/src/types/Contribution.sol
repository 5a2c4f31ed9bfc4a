// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a version's tree holds of a contribution: `contributionLeaf` of `protocol/datanet.ts`.
struct Contribution {
    address contributor;
    bytes32 nameHash;
    bytes32 licenceHash;
    bytes32 textHash;
}

/// @notice The bytes of a leaf, before the tree's own hash.
function leafOf(Contribution calldata contribution) pure returns (bytes32) {
    return keccak256(
        abi.encodePacked(
            contribution.contributor, contribution.nameHash, contribution.licenceHash, contribution.textHash
        )
    );
}

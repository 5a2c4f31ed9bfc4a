// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A validator's signature under something that all of them sign alike, in the short form of EIP-2098.
struct Approval {
    address validator;
    bytes32 r;
    bytes32 vs;
}

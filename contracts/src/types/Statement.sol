// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A worker's signed result. Repeats `protocol/claim.ts`, field by field.
struct Claim {
    bytes32 jobId;
    address worker;
    string output;
    bytes32 commitment;
    bytes32 attribution;
    uint32 units;
    bytes32 graph;
    uint64 issuedAtMs;
}

/// @notice A validator's signed verdict on a claim. Repeats `protocol/vote.ts`, field by field.
struct Vote {
    bytes32 jobId;
    bytes32 claim;
    address validator;
    string verdict;
    string reason;
    uint32 checked;
    uint64 beaconBlock;
    bytes32 seal;
    uint64 issuedAtMs;
}

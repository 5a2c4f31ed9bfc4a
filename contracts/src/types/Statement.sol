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

/// @notice What a validator signed that it had seen when it ran a claim. Repeats `protocol/opening.ts`, field by field.
struct Opening {
    bytes32 jobId;
    bytes32 claim;
    address validator;
    bytes32 transcript;
    bytes32 state;
    uint32 path;
    bytes32[] siblings;
    uint64 issuedAtMs;
}

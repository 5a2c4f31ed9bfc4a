// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The receipt of one settled job, a leaf of a batch. Repeats `protocol/receipt.ts`, field by field.
struct Receipt {
    bytes32 jobId;
    string task;
    address requester;
    address worker;
    bytes32 claim;
    address[] passedBy;
    address[] failedBy;
    string model;
    string adapter;
    string output;
    bytes32 attribution;
    uint32 units;
    uint256 feeWei;
    uint256 workerWei;
    uint256 validatorsWei;
    uint256 modelOwnerWei;
    uint256 contributorsWei;
    uint256 stakersWei;
    uint256 treasuryWei;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Headers and receipts word by word as they are hashed: of a text or a list there is only its hash. Who shows one to the
// chain pays by the byte.

/// @notice A `BatchHeader`.
struct HashedHeader {
    uint64 number;
    uint64 epoch;
    address proposer;
    bytes32 receiptsRoot;
    uint32 receiptCount;
    uint256 feeWei;
    bytes32 charges;
    uint256 collectedWei;
    uint256 openWei;
    bytes32 payoutRoot;
    uint32 strictness;
    uint32 answers;
    uint32 payees;
    bytes32 data;
    bytes32 availability;
}

/// @notice A `Receipt`.
struct HashedReceipt {
    bytes32 jobId;
    bytes32 task;
    address requester;
    address worker;
    bytes32 claim;
    bytes32 passedBy;
    bytes32 failedBy;
    bytes32 model;
    bytes32 adapter;
    bytes32 output;
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

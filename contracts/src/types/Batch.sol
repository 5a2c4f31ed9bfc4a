// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A batch of settled jobs as the chain keeps it: by its hash. Repeats `protocol/batch.ts`, field by field.
struct BatchHeader {
    /// Counts from 1 without a gap.
    uint64 number;
    /// The epoch whose parameters judge the batch.
    uint64 epoch;
    /// The validator that proposed it, whose bond stands for it.
    address proposer;
    bytes32 receiptsRoot;
    uint32 receiptCount;
    /// Sum of the receipts' fees, in wei.
    uint256 feeWei;
    /// Hash of who pays how much, one word each, ascending by payer; zero where the batch leaves its fees open.
    bytes32 charges;
    /// What is taken from the payers with this batch: all open fees and its own, or nothing.
    uint256 collectedWei;
    /// Fees that are open after this batch.
    uint256 openWei;
    /// Merkle-sum root over everyone's cumulative payout after this batch: 160 bits of hash, 96 bits of wei.
    bytes32 payoutRoot;
    /// The attribution threshold that the batch was worked out with, in thousandths of a standard deviation.
    uint32 strictness;
    /// Answers so far in the epoch whose contributors were weighed, and contributors paid for them.
    uint32 answers;
    uint32 payees;
    /// Content id of the batch's data.
    string data;
    /// Where the data lies besides; empty where the content id is enough.
    string availability;
}

/// @notice A validator's signature under a header, in the short form of EIP-2098.
struct Endorsement {
    address validator;
    bytes32 r;
    bytes32 vs;
}

/// @notice What one payer owes, with the voucher that allows it.
struct Charge {
    address payer;
    uint96 feeWei;
    /// All that the payer has promised so far, in wei; what is signed.
    uint96 cumulativeWei;
    bytes32 r;
    bytes32 vs;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A batch of settled jobs as the chain keeps it. Repeats `protocol/batch.ts`, field by field.
struct BatchHeader {
    /// Counts from 1 without a gap.
    uint64 number;
    bytes32 receiptsRoot;
    uint32 receiptCount;
    /// Sum of the receipts' fees, in wei.
    uint256 feeWei;
    /// Hash of the charges: two words each, payer and fee, ascending by payer.
    bytes32 charges;
    /// Merkle-sum root over everyone's cumulative payout after this batch.
    bytes32 payoutRoot;
    uint32 payoutCount;
    /// The sum in that root, in wei.
    uint256 payoutWei;
    /// Content id of the batch's receipts and payouts.
    string data;
}

/// @notice A validator's signature under a header, of 65 bytes.
struct Endorsement {
    address validator;
    bytes signature;
}

/// @notice What one payer owes for a batch, with the voucher that allows it.
struct Charge {
    address payer;
    uint256 feeWei;
    /// All that the payer has promised so far, in wei; what is signed.
    uint256 cumulativeWei;
    bytes signature;
}

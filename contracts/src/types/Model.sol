// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An adapter and where it comes from; `owner` is zero where it is not registered.
struct Model {
    address owner;
    /// Number of the final batch that proves the fine-tune.
    uint64 batch;
    /// The account that the ownership is offered to; zero where it is offered to nobody.
    address heir;
    /// Extra wei a unit that the owner asks.
    uint64 feeWei;
    /// The fee from `feeEpoch` on.
    uint64 nextFeeWei;
    uint64 feeEpoch;
    bytes32 jobId;
    /// Root of the gradient index: what an answer's scores are checked against.
    bytes32 indexRoot;
    /// The data it was trained on; zeros where its owner did not say.
    uint64 datanetId;
    uint64 datanetVersion;
    /// Content id of the base model.
    string base;
    /// Hashes of the content ids that it was made from, besides its base.
    bytes32[] parents;
}

/// @notice What the owner says of an adapter when registering it.
struct Pedigree {
    /// Who is paid when the adapter is used.
    address owner;
    uint64 datanetId;
    uint64 datanetVersion;
    uint64 feeWei;
    /// Content ids, at most 8, none twice.
    string[] parents;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader} from "../types/Batch.sol";
import {Fault} from "../types/Fault.sol";

/// @notice What registries and judges ask of the ResultLedger.
interface IResultLedger {
    /// @notice Reverts where this is not the header of a final batch.
    function requireFinal(BatchHeader calldata header) external view;

    /// @notice Reverts where this is not the hash of the header of a posted batch that is not final.
    function requireOpen(uint64 number, bytes32 headerHash) external view;

    /// @notice Reverts where this is not the hash of the header of a posted batch, final or not.
    function requirePosted(uint64 number, bytes32 headerHash) external view;

    /// @notice Numbers of the newest posted and final batches, the oldest false one, and what all have collected, in wei.
    function progress()
        external
        view
        returns (uint64 posted, uint64 finalised, uint64 faulty, uint256 openWei, uint256 collectedWei);

    /// @notice True where a batch of this header was taken back.
    function isVoid(bytes32 headerHash) external view returns (bool);

    /// @notice What was false about a batch that was taken back; nothing where it only went with one before it.
    function faultOf(bytes32 headerHash) external view returns (Fault);

    /// @notice Digest of what members sign for this ledger: claims, votes, endorsements.
    function digestOf(bytes32 structHash) external view returns (bytes32);

    /// @notice Finds an open batch false: it will be taken back, and its proposer's bond is lost. Only judges may call.
    function fault(uint64 number, bytes32 headerHash, Fault found, address accuser) external;

    /// @notice Keeps a batch from becoming final while it is in dispute, or no longer. Only judges may call.
    function hold(uint64 number) external;
    function release(uint64 number) external;
}

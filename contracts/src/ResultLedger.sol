// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IFeeEscrow} from "./interfaces/IFeeEscrow.sol";
import {IPayout} from "./interfaces/IPayout.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Batch, Batches} from "./libraries/Batches.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchHeader, Charge, Endorsement} from "./types/Batch.sol";

/**
 * @title ResultLedger
 * @notice Takes batches of settled jobs that two thirds of the validators' stake stand for. Posting collects the fees;
 * after the window anybody may make the batch final, which hands the fees to the Payout and opens its claims.
 */
contract ResultLedger is IResultLedger, EIP712 {
    using Batches for Batches.State;

    /// @notice Whose stake endorses.
    IStakeVault public immutable vault;
    /// @notice Whose money pays.
    IFeeEscrow public immutable escrow;
    /// @notice Where fees go when a batch is final.
    IPayout public immutable payout;
    /// @notice Seconds between the posting of a batch and the moment it may be made final.
    uint64 public immutable windowSeconds;

    Batches.State private _state;

    /// @notice A batch was posted; it may be made final from `finalAt`, seconds since 1970.
    event BatchPosted(uint64 indexed number, BatchHeader header, address indexed poster, uint64 finalAt);
    event BatchFinal(uint64 indexed number);

    error BadEndorsement(address validator);
    error EndorsementsNotAscending(address validator);
    error NoQuorum(uint256 endorsedWei, uint256 validatorsWei);
    error NotEscrow(address caller);
    error WiredElsewhere(address escrow, address payout);
    error ExitBeforeWindow(uint64 exitDelaySeconds, uint64 windowSeconds);

    constructor(IStakeVault vault_, IFeeEscrow escrow_, IPayout payout_, uint64 windowSeconds_)
        EIP712("Tributary", "1")
    {
        if (escrow_.ledger() != address(this) || payout_.ledger() != address(this)) {
            revert WiredElsewhere(address(escrow_), address(payout_));
        }
        // Whoever stands for a batch must still be held when its window ends.
        if (vault_.exitDelaySeconds() <= windowSeconds_) {
            revert ExitBeforeWindow(vault_.exitDelaySeconds(), windowSeconds_);
        }
        vault = vault_;
        escrow = escrow_;
        payout = payout_;
        windowSeconds = windowSeconds_;
    }

    /// @notice Fees come from the escrow; what anybody else sends is refused, for it would be lost.
    receive() external payable {
        if (msg.sender != address(escrow)) revert NotEscrow(msg.sender);
    }

    /**
     * @notice Posts the next batch and collects its fees. Anybody may; a second poster is told `AlreadyPosted`.
     * @param endorsements Ascending by validator, of two thirds of the active validators' stake or more.
     * @param charges Ascending by payer: who pays how much of the fee, and the voucher that allows it.
     */
    function post(BatchHeader calldata header, Endorsement[] calldata endorsements, Charge[] calldata charges)
        external
    {
        _state.requireNext(header.number);
        Batches.requireCharges(header, charges);
        _requireQuorum(TypedData.hashHeader(header), endorsements);
        uint64 finalAt = uint64(block.timestamp) + windowSeconds;
        _state.append(header, finalAt);
        emit BatchPosted(header.number, header, msg.sender, finalAt);
        escrow.redeem(charges);
    }

    /// @notice Makes the next batch final, when its window is over, and pays its fees into the Payout. Anybody may.
    function finalise(uint64 number) external {
        Batch memory batch = _state.finalise(number);
        emit BatchFinal(number);
        payout.setRoot{value: batch.feeWei}(batch.payoutRoot, batch.payoutCount, batch.payoutWei);
    }

    /// @inheritdoc IResultLedger
    function finalReceipts(uint64 number) external view returns (bytes32 root, uint32 count) {
        Batch storage batch = _state.finalBatch(number);
        return (batch.receiptsRoot, batch.receiptCount);
    }

    /// @notice What is kept of a batch; its `finalAt` is 0 where it was not posted.
    function batchOf(uint64 number) external view returns (Batch memory) {
        return _state.batches[number];
    }

    /// @notice Numbers of the newest posted and the newest final batch, and the fees of all posted ones, in wei.
    function progress() external view returns (uint64 posted, uint64 finalised, uint256 feesWei) {
        return (_state.posted, _state.finalised, _state.feesWei);
    }

    function _requireQuorum(bytes32 headerHash, Endorsement[] calldata endorsements) private view {
        address[] memory validators = new address[](endorsements.length);
        address last = address(0);
        for (uint256 i = 0; i < endorsements.length; i++) {
            address validator = endorsements[i].validator;
            if (validator <= last) revert EndorsementsNotAscending(validator);
            last = validator;
            bytes32 digest = _hashTypedDataV4(TypedData.hashEndorsement(validator, headerHash));
            (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, endorsements[i].signature);
            if (failure != ECDSA.RecoverError.NoError || signer != validator) revert BadEndorsement(validator);
            validators[i] = validator;
        }
        uint256 endorsedWei = vault.stakeOfValidatorsWei(validators);
        uint256 validatorsWei = vault.validatorsStakeWei();
        // Where nobody validates, nobody's silence is consent.
        if (endorsedWei == 0 || endorsedWei * 3 < validatorsWei * 2) revert NoQuorum(endorsedWei, validatorsWei);
    }
}

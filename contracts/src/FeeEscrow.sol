// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IFeeEscrow} from "./interfaces/IFeeEscrow.sol";
import {IParams} from "./interfaces/IParams.sol";
import {Account, Escrows, Held} from "./libraries/Escrows.sol";
import {Exits} from "./libraries/Exits.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Charge} from "./types/Batch.sol";

/**
 * @title FeeEscrow
 * @notice Holds what payers have put aside for jobs. A payer promises by cumulative vouchers; the ledger redeems them
 * when a batch is posted.
 */
contract FeeEscrow is IFeeEscrow, EIP712, ReentrancyGuardTransient {
    using Escrows for Held;

    /// @inheritdoc IFeeEscrow
    address public immutable ledger;
    /// @notice Whose exit delay holds: time enough to post what was promised before.
    IParams public immutable params;

    mapping(address payer => Held) private _accounts;

    /// @notice A payer's account after anything but the payment of jobs; all amounts in wei.
    event Escrowed(
        address indexed payer, uint256 balanceWei, uint256 redeemedWei, uint256 authorisedWei, uint256 leavingWei
    );
    /// @notice Jobs were paid: all that was ever taken from the payer, and all it has allowed, in wei.
    event Redeemed(address indexed payer, uint256 redeemedWei, uint256 authorisedWei);
    event ExitRequested(address indexed payer, uint256 amountWei, uint64 exitAt);
    event Withdrawn(address indexed payer, uint256 amountWei);

    error NotLedger(address caller);

    constructor(address ledger_, IParams params_) EIP712("Tributary", "1") {
        ledger = ledger_;
        params = params_;
    }

    /// @notice Adds the value sent to the balance of `payer`; anybody may.
    function deposit(address payer) external payable {
        _accounts[payer].add(msg.value);
        _report(payer);
    }

    /// @notice Asks for part of the caller's balance back, in place of an earlier request; 0 takes the request back.
    function requestExit(uint256 amountWei) external {
        uint64 exitAt = uint64(block.timestamp) + Exits.delaySeconds(params);
        _accounts[msg.sender].requestExit(amountWei, exitAt);
        emit ExitRequested(msg.sender, amountWei, exitAt);
        _report(msg.sender);
    }

    /// @notice Pays what the caller asked back, when the delay is over.
    function withdraw() external nonReentrant {
        uint256 amountWei = _accounts[msg.sender].release();
        emit Withdrawn(msg.sender, amountWei);
        _report(msg.sender);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @inheritdoc IFeeEscrow
    function redeem(Charge[] calldata charges) external returns (uint256 totalWei) {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        for (uint256 i = 0; i < charges.length; i++) {
            Charge calldata charge = charges[i];
            Held storage known = _accounts[charge.payer];
            uint256 authorisedWei = _authorised(known, charge);
            uint256 redeemedWei = known.take(charge.payer, charge.feeWei, authorisedWei);
            totalWei += charge.feeWei;
            emit Redeemed(charge.payer, redeemedWei, authorisedWei);
        }
        Address.sendValue(payable(ledger), totalWei);
    }

    /// @inheritdoc IFeeEscrow
    function giveBack(Charge[] calldata charges) external payable {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        for (uint256 i = 0; i < charges.length; i++) {
            _accounts[charges[i].payer].giveBack(charges[i].feeWei);
            _report(charges[i].payer);
        }
    }

    /// @notice What is known of a payer.
    function account(address payer) external view returns (Account memory) {
        return _accounts[payer].viewOf();
    }

    /// @dev Jobs may settle in another order than they were signed in, so only a voucher above all before it is checked.
    function _authorised(Held storage known, Charge calldata charge) private view returns (uint256) {
        uint256 authorisedWei = known.authorisedOf();
        if (charge.cumulativeWei <= authorisedWei) return authorisedWei;
        bytes32 digest = _hashTypedDataV4(TypedData.hashVoucher(charge.payer, charge.cumulativeWei));
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, charge.r, charge.vs);
        if (failure != ECDSA.RecoverError.NoError || signer != charge.payer) {
            revert Escrows.BadVoucher(charge.payer, charge.cumulativeWei);
        }
        return charge.cumulativeWei;
    }

    function _report(address payer) private {
        Held storage known = _accounts[payer];
        emit Escrowed(payer, known.balanceOf(), known.redeemedWei, known.authorisedOf(), known.leaving());
    }
}

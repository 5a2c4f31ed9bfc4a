// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IFeeEscrow} from "./interfaces/IFeeEscrow.sol";
import {Account, Escrows} from "./libraries/Escrows.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Charge} from "./types/Batch.sol";

/**
 * @title FeeEscrow
 * @notice Holds what payers have put aside for jobs. A payer promises by cumulative vouchers; the ledger redeems them
 * when a batch is posted.
 */
contract FeeEscrow is IFeeEscrow, EIP712, ReentrancyGuardTransient {
    using Escrows for Account;
    using SafeCast for uint256;

    /// @inheritdoc IFeeEscrow
    address public immutable ledger;
    /// @notice Seconds between a request to exit and the withdrawal: time enough to post what was promised before.
    uint64 public immutable exitDelaySeconds;

    mapping(address payer => Account) private _accounts;

    /// @notice A payer's account after anything that changed it; all amounts in wei.
    event Escrowed(
        address indexed payer, uint256 balanceWei, uint256 redeemedWei, uint256 authorisedWei, uint256 leavingWei
    );
    event ExitRequested(address indexed payer, uint256 amountWei, uint64 exitAt);
    event Withdrawn(address indexed payer, uint256 amountWei);

    error NotLedger(address caller);

    constructor(address ledger_, uint64 exitDelaySeconds_) EIP712("Tributary", "1") {
        ledger = ledger_;
        exitDelaySeconds = exitDelaySeconds_;
    }

    /// @notice Adds the value sent to the balance of `payer`; anybody may.
    function deposit(address payer) external payable {
        _accounts[payer].add(msg.value);
        _report(payer);
    }

    /// @notice Asks for part of the caller's balance back, in place of an earlier request; 0 takes the request back.
    function requestExit(uint256 amountWei) external {
        uint64 exitAt = uint64(block.timestamp) + exitDelaySeconds;
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
            _authorise(charge);
            _accounts[charge.payer].take(charge.payer, charge.feeWei);
            totalWei += charge.feeWei;
            _report(charge.payer);
        }
        Address.sendValue(payable(ledger), totalWei);
    }

    /// @notice What is known of a payer.
    function account(address payer) external view returns (Account memory) {
        return _accounts[payer];
    }

    /// @dev Jobs may settle in another order than they were signed in, so only a voucher above all before it is checked.
    function _authorise(Charge calldata charge) private {
        Account storage known = _accounts[charge.payer];
        if (charge.cumulativeWei <= known.authorisedWei) return;
        bytes32 digest = _hashTypedDataV4(TypedData.hashVoucher(charge.payer, charge.cumulativeWei));
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, charge.signature);
        if (failure != ECDSA.RecoverError.NoError || signer != charge.payer) {
            revert Escrows.BadVoucher(charge.payer, charge.cumulativeWei);
        }
        known.authorisedWei = charge.cumulativeWei.toUint128();
    }

    function _report(address payer) private {
        Account storage known = _accounts[payer];
        emit Escrowed(payer, known.balanceWei, known.redeemedWei, known.authorisedWei, known.leavingWei);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeEscrow} from "../src/FeeEscrow.sol";
import {Payout} from "../src/Payout.sol";
import {ResultLedger} from "../src/ResultLedger.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {Account} from "../src/libraries/Escrows.sol";
import {Member} from "../src/libraries/Stakes.sol";
import {Base} from "./support/Base.sol";
import {SettlementHandler} from "./support/SettlementHandler.sol";
import {StakeHandler} from "./support/StakeHandler.sol";

/// @notice What holds of the vault, whatever owners do.
contract StakeInvariants is Base {
    StakeHandler private _handler;

    function setUp() public {
        deploySystem();
        _handler = new StakeHandler(vault);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice S1 and S2 in one campaign.
    function invariant_stakes() external view {
        _vaultHoldsItsStakes();
        _countsActiveValidators();
    }

    /// @notice The handler gets as far as a withdrawal.
    function test_handlerReachesAWithdrawal() external {
        _handler.stake(0, 1, 5);
        _handler.topUp(0, 7);
        _handler.requestExit(0);
        _handler.passTime(uint16(EXIT_DELAY));
        _handler.withdraw(0);
        equal(_handler.withdrawals(), 1, "withdrawals");
        this.invariant_stakes();
    }

    /// @dev S1: the vault holds exactly the stakes of its members, and what came in less what went out.
    function _vaultHoldsItsStakes() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.NODES(); i++) {
            sumWei += vault.member(_handler.node(i)).stakeWei;
        }
        equal(address(vault).balance, sumWei, "S1 balance and stakes");
        equal(address(vault).balance, _handler.stakedWei() - _handler.withdrawnWei(), "S1 balance and books");
    }

    /// @dev S2: the validators' stake is that of those who are active, no more and no less.
    function _countsActiveValidators() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.NODES(); i++) {
            Member memory known = vault.member(_handler.node(i));
            if (known.roles & 2 != 0 && known.exitAt == 0) sumWei += known.stakeWei;
        }
        equal(vault.validatorsStakeWei(), sumWei, "S2 validators");
    }
}

/// @notice What holds of escrow, ledger and payout together, whatever payers, validators and payees do.
contract SettlementInvariants is Base {
    SettlementHandler private _handler;

    function setUp() public {
        _handler = new SettlementHandler();
        (address escrow_, address ledger_, address payout_) = _handler.contracts();
        escrow = FeeEscrow(escrow_);
        ledger = ResultLedger(payable(ledger_));
        payout = Payout(payout_);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice E1 to P2, M1 and X1 in one campaign: each alone would run the same calls again.
    function invariant_settlement() external view {
        _numbersHaveNoGaps();
        _noScandal();
        _escrowHoldsItsBalances();
        _payersGiveWhatTheyPromised();
        _ledgerHoldsOpenFees();
        _payoutNeverPaysMoreThanItGot();
        _nobodyIsPaidTwice();
        _moneyIsKept();
    }

    /// @notice The handler gets as far as that; invariants over a network that does nothing would hold as well.
    function test_handlerReachesClaimAndWithdrawal() external {
        _handler.deposit(0, 10 ether);
        _handler.post(3);
        _handler.passTime(200);
        _handler.finalise(0);
        for (uint256 i = 0; i < _handler.PAYEES(); i++) {
            _handler.claim(_handler.PAYEES() * 512 + i, 1);
        }
        require(_handler.claims() > 0, "no claim");
        _handler.requestExit(0, type(uint256).max);
        _handler.passTime(EXIT_DELAY);
        _handler.withdraw(0);
        require(_handler.withdrawnWei() > 0, "no withdrawal");
        this.invariant_settlement();
    }

    /// @dev E1: the escrow holds exactly its payers' balances.
    function _escrowHoldsItsBalances() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.PAYERS(); i++) {
            sumWei += escrow.account(_handler.payer(i)).balanceWei;
        }
        equal(address(escrow).balance, sumWei, "E1 escrow");
    }

    /// @dev E2: no payer gives more than it promised, and no more leaves than is there.
    function _payersGiveWhatTheyPromised() private view {
        for (uint256 i = 0; i < _handler.PAYERS(); i++) {
            Account memory known = escrow.account(_handler.payer(i));
            require(known.redeemedWei <= known.authorisedWei, "E2 redeemed over authorised");
            require(known.leavingWei <= known.balanceWei, "E2 leaving over balance");
        }
    }

    /// @dev L1: the ledger holds exactly the fees of batches that are not final yet.
    function _ledgerHoldsOpenFees() private view {
        equal(address(ledger).balance, _handler.feesWei() - _handler.finalFeesWei(), "L1 ledger");
    }

    /// @dev L2: batches are numbered without a gap, and final ones come first.
    function _numbersHaveNoGaps() private view {
        (uint64 posted, uint64 finalised, uint256 feesWei) = ledger.progress();
        equal(posted, _handler.posted(), "L2 posted");
        equal(finalised, _handler.finalised(), "L2 final");
        equal(feesWei, _handler.feesWei(), "L2 fees");
        require(finalised <= posted, "L2 final before posted");
        for (uint64 number = 1; number <= posted; number++) {
            require(ledger.batchOf(number).finalAt != 0, "L2 a number was left out");
        }
        equal(ledger.batchOf(posted + 1).finalAt, 0, "L2 a batch out of turn");
    }

    /// @dev P1: the payout holds what came in less what was claimed, and never paid more than came in.
    function _payoutNeverPaysMoreThanItGot() private view {
        (uint256 fundedWei, uint256 paidWei) = payout.totals();
        require(paidWei <= fundedWei, "P1 paid more than came in");
        equal(fundedWei, _handler.finalFeesWei(), "P1 funded");
        equal(address(payout).balance, fundedWei - paidWei, "P1 payout");
    }

    /// @dev P2: nobody is paid twice: each payee has exactly what it claimed, and never more than it earned.
    function _nobodyIsPaidTwice() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.PAYEES(); i++) {
            address payee = _handler.payee(i);
            equal(payee.balance, payout.claimedWei(payee), "P2 payee");
            require(payee.balance <= _handler.earnedWei(i), "P2 paid more than earned");
            sumWei += payee.balance;
        }
        (, uint256 paidWei) = payout.totals();
        equal(paidWei, sumWei, "P2 paid");
    }

    /// @dev M1: money is neither made nor lost on its way from payers to payees.
    function _moneyIsKept() private view {
        uint256 heldWei = address(escrow).balance + address(ledger).balance + address(payout).balance;
        (, uint256 paidWei) = payout.totals();
        equal(_handler.depositedWei(), heldWei + paidWei + _handler.withdrawnWei(), "M1 money");
    }

    /// @dev X1: nothing that must be refused was taken.
    function _noScandal() private view {
        equal(_handler.scandals(), 0, "X1 scandals");
    }
}

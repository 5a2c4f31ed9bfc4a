// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {FeeEscrow} from "../src/FeeEscrow.sol";
import {Jury} from "../src/Jury.sol";
import {Payout} from "../src/Payout.sol";
import {ResultLedger} from "../src/ResultLedger.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {Account} from "../src/libraries/Escrows.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Member} from "../src/libraries/Stakes.sol";
import {Base} from "./support/Base.sol";
import {SettlementHandler} from "./support/SettlementHandler.sol";
import {Brief} from "./support/SettlementState.sol";
import {VM} from "./support/Vm.sol";

/// @notice What holds of all contracts together, whatever payers, validators, owners, judges and payees do.
contract SettlementInvariants is Base {
    /// Of `Stakes.State` in the vault, behind two words of EIP-712: what is active, and what stakers are given.
    uint256 private constant STAKES_SLOT = 2;

    SettlementHandler private _handler;

    function setUp() public {
        _handler = new SettlementHandler();
        address[6] memory all = _handler.contracts();
        vault = StakeVault(payable(all[0]));
        escrow = FeeEscrow(all[1]);
        ledger = ResultLedger(payable(all[2]));
        payout = Payout(all[3]);
        disputes = Disputes(all[4]);
        jury = Jury(all[5]);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice All of them in one campaign: each alone would run the same calls again.
    function invariant_settlement() external view {
        equal(_handler.scandals(), 0, "X1 what must be refused was taken, or the reverse");
        _numbersHaveNoGaps();
        _noBatchIsFinalAndVoid();
        _vaultHoldsStakesAndRewards();
        _locksNoMoreThanStaked();
        _countsActiveStake();
        _drawsByStake();
        _escrowHoldsItsBalances();
        _ledgerHoldsWhatItCollected();
        _payoutPaysWhatItGot();
        _judgesHoldTheirBonds();
        _moneyIsKept();
    }

    /// @notice The handler gets as far as that; invariants over a network that does nothing would hold as well.
    function test_handlerReachesClaimsAndWithdrawals() external {
        _handler.deposit(0, 10 ether);
        _handler.postOpen(uint256(2 ether) << 16);
        _handler.postCollecting(uint256(1 ether) << 16);
        _handler.passTime(WINDOW);
        _handler.finalise(0);
        _handler.finalise(0);
        for (uint256 i = 0; i < _handler.PAYEES(); i++) {
            _handler.claim(_handler.PAYEES() * 512 + i, 1);
        }
        require(_handler.claims() > 3 && _handler.fundedWei() == 3 ether, "no claim");
        _handler.collect(0);
        _handler.rotate(1);
        _handler.slash(1, 1 ether);
        _handler.leave(0);
        _handler.requestExit(0, type(uint256).max);
        _handler.passTime(EXIT_DELAY);
        _handler.withdraw(0);
        _handler.withdrawStake(0);
        require(_handler.withdrawals() == 1 && _handler.payer(0).balance > 0, "no withdrawal");
        _handler.stake(0, 0);
        this.invariant_settlement();
    }

    function test_handlerReachesFaultsAndDisputes() external {
        _handler.deposit(0, 10 ether);
        _handler.postCollecting(uint256(1 ether) << 16);
        _handler.demand(0);
        _handler.openCase(1);
        _handler.postOpen(uint256(1 ether) << 16);
        _handler.hear(0);
        // All seven speak: fail.
        _handler.hear(uint256(0xffff) << 16 | 1 << 8);
        require(_handler.decided() == 1 && _handler.faulty() == 1, "nothing decided");
        _handler.takeBack(1);
        _handler.takeBack(1);
        _handler.giveBack(1);
        require(_handler.givenBack() == 1 && _handler.posted() == 0, "nothing given back");
        _handler.foreclose(0);
        _handler.passTime(2 * EXIT_DELAY);
        _handler.foreclose(0);
        require(_handler.ended() == 1, "nothing ended");
        _handler.fetch(0);
        this.invariant_settlement();
    }

    function test_handlerReachesVerdictsOnWhatWasPassedUnseen() external {
        _handler.deposit(0, 10 ether);
        _handler.postCollecting(uint256(1 ether) << 16);
        _handler.openUnseen(0);
        _handler.hear(0);
        _handler.hear(uint256(0xffff) << 16 | 1 << 8);
        require(_handler.decided() == 1 && _handler.faulty() == 0, "nothing decided");
        _handler.fetch(0);
        _handler.openUnseen(2);
        _handler.passTime(WINDOW);
        _handler.finalise(0);
        require(_handler.finalised() == 1 && _handler.caseBondsWei() > 0, "held");
        this.invariant_settlement();
    }

    /// @dev L2: batches are numbered without a gap, final ones come first, and the sums are those of the headers.
    function _numbersHaveNoGaps() private view {
        (uint64 posted, uint64 finalised, uint64 faulty, uint256 openWei, uint256 collectedWei) = ledger.progress();
        equal(posted, _handler.posted(), "L2 posted");
        equal(finalised, _handler.finalised(), "L2 final");
        equal(faulty, _handler.faulty(), "L2 faulty");
        require(finalised <= posted && (faulty == 0 || (faulty > finalised && faulty <= posted)), "L2 order");
        for (uint256 place = 1; place < _handler.keptCount(); place++) {
            Brief memory batch = _handler.brief(place);
            if (batch.isVoid) continue;
            require(ledger.batchOf(batch.number).finalAt != 0, "L2 a number was left out");
            collectedWei -= batch.collectedWei;
            if (batch.number == posted) openWei -= batch.openWei;
        }
        equal(collectedWei, 0, "L2 collected");
        equal(openWei, 0, "L2 open");
        equal(ledger.batchOf(posted + 1).finalAt, 0, "L2 a batch out of turn");
    }

    /// @dev L3: no batch is both final and taken back, and none comes again.
    function _noBatchIsFinalAndVoid() private view {
        (, uint64 finalised,,,) = ledger.progress();
        for (uint256 place = 1; place < _handler.keptCount(); place++) {
            Brief memory batch = _handler.brief(place);
            require(!batch.isFinal || !batch.isVoid, "L3 books");
            require(ledger.isVoid(batch.headerHash) == batch.isVoid, "L3 void");
            bool isKept = ledger.batchOf(batch.number).headerHash == bytes24(batch.headerHash);
            require(isKept != batch.isVoid, "L3 posted");
            require((isKept && batch.number <= finalised) == batch.isFinal, "L3 final");
        }
    }

    /// @dev S1: the vault holds stakes and all that was earned; over that, less than a wei a division.
    function _vaultHoldsStakesAndRewards() private view {
        uint256 word = uint256(VM.load(address(vault), bytes32(STAKES_SLOT + 1)));
        uint256 perWei = uint128(word);
        uint256 owedWei = word >> 128;
        for (uint256 i = 0; i < _handler.NODES(); i++) {
            Member memory known = vault.member(_handler.node(i));
            owedWei += uint256(known.stakeWei) + known.earnedWei;
            if (known.owner == address(0) || known.exitAt != 0) continue;
            owedWei += uint256(known.stakeWei) * (perWei - known.seenPerWei) >> 64;
        }
        require(address(vault).balance >= owedWei, "S1 owes more than it has");
        require(address(vault).balance - owedWei <= 2 * _handler.steps() + _handler.NODES(), "S1 keeps more than dust");
    }

    /// @dev S2: no member has more locked than it has, nor more than the bonds of its open batches.
    function _locksNoMoreThanStaked() private view {
        uint256[] memory bondsWei = new uint256[](_handler.NODES());
        for (uint256 place = 1; place < _handler.keptCount(); place++) {
            Brief memory batch = _handler.brief(place);
            if (!batch.isVoid && !batch.isFinal) bondsWei[batch.node] += BOND_WEI;
        }
        for (uint256 i = 0; i < bondsWei.length; i++) {
            Member memory known = vault.member(_handler.node(i));
            require(known.lockedWei <= known.stakeWei, "S2 locked over stake");
            require(known.lockedWei <= bondsWei[i], "S2 locked over bonds");
        }
    }

    /// @dev S3: what counts as active is the stake of those who are, no more and no less.
    function _countsActiveStake() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.accountCount(); i++) {
            Member memory known = vault.member(_handler.accountAt(i));
            if (known.owner != address(0) && known.exitAt == 0) sumWei += known.stakeWei;
        }
        equal(vault.validatorsStakeWei(), sumWei, "S3 validators");
        uint256 word = uint256(VM.load(address(vault), bytes32(STAKES_SLOT)));
        equal(word, sumWei << 128 | sumWei, "S3 active");
    }

    /// @dev S4: where all others are left out, the lot falls on each that is active and has a stake, and on nobody else.
    function _drawsByStake() private view {
        uint256 nodes = _handler.NODES();
        for (uint256 i = 0; i < nodes; i++) {
            address[] memory others = new address[](nodes - 1);
            for (uint256 j = 1; j < nodes; j++) {
                others[j - 1] = _handler.node((i + j) % nodes);
            }
            address[] memory drawn = vault.drawValidators(bytes32(_handler.steps()), 1, others);
            Member memory known = vault.member(_handler.node(i));
            bool mayBe = known.exitAt == 0 && known.stakeWei > 0;
            require(mayBe ? drawn[0] == _handler.node(i) : drawn.length == 0, "S4 drawn");
        }
    }

    /// @dev E1: the escrow holds exactly its payers' balances. E2: no payer gives more than it promised or has.
    function _escrowHoldsItsBalances() private view {
        uint256 sumWei = 0;
        for (uint256 i = 0; i < _handler.PAYERS(); i++) {
            Account memory known = escrow.account(_handler.payer(i));
            require(known.redeemedWei <= known.authorisedWei, "E2 redeemed over authorised");
            require(known.redeemedWei <= known.depositedWei, "E2 redeemed over deposited");
            sumWei += known.depositedWei - known.redeemedWei;
        }
        equal(address(escrow).balance, sumWei, "E1 escrow");
    }

    /// @dev L1: the ledger holds what batches that are not final collected, and what payers have not got back.
    function _ledgerHoldsWhatItCollected() private view {
        uint256 sumWei = 0;
        for (uint256 place = 1; place < _handler.keptCount(); place++) {
            Brief memory batch = _handler.brief(place);
            if (!batch.isFinal && !batch.isGivenBack) sumWei += batch.collectedWei;
        }
        equal(address(ledger).balance, sumWei, "L1 ledger");
    }

    /// @dev P1: the payout holds what came in less what was claimed. P2: nobody is paid twice.
    function _payoutPaysWhatItGot() private view {
        uint256 claimedWei = 0;
        for (uint256 i = 0; i < _handler.PAYEES(); i++) {
            address payee = _handler.payee(i);
            uint256 paidWei = payout.claimedWei(payee);
            claimedWei += paidWei;
            if (payee != address(vault)) equal(payee.balance, paidWei, "P2 payee");
            require(paidWei <= _handler.earnedAt(_handler.paying(), i), "P2 paid more than earned");
        }
        require(claimedWei <= _handler.fundedWei(), "P1 claimed more than came in");
        equal(address(payout).balance, _handler.fundedWei() - claimedWei, "P1 payout");
    }

    /// @dev D1: the disputes hold the bonds of open demands; J1: the jury those of open cases, and what it owes.
    function _judgesHoldTheirBonds() private view {
        equal(address(disputes).balance, _handler.bondsWei(), "D1 disputes");
        equal(address(jury).balance, _handler.caseBondsWei() + _handler.juryOwesWei(), "J1 jury");
    }

    /// @dev M1: money is neither made nor lost, what was burned included.
    function _moneyIsKept() private view {
        uint256 sumWei = address(_handler).balance + _handler.REPORTER().balance + Purses.BURNED.balance;
        address[6] memory all = _handler.contracts();
        for (uint256 i = 0; i < all.length; i++) {
            sumWei += all[i].balance;
        }
        for (uint256 i = 0; i < _handler.PAYERS(); i++) {
            sumWei += _handler.payer(i).balance;
        }
        for (uint256 i = 0; i < _handler.PAYEES(); i++) {
            if (_handler.payee(i) != address(vault)) sumWei += _handler.payee(i).balance;
        }
        for (uint256 i = 0; i < _handler.accountCount(); i++) {
            sumWei += _handler.accountAt(i).balance;
        }
        equal(sumWei, _handler.cameWei(), "M1 money");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeEscrow} from "../src/FeeEscrow.sol";
import {ResultLedger} from "../src/ResultLedger.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Account} from "../src/libraries/Escrows.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {BatchHeader, Charge} from "../src/types/Batch.sol";
import {Param} from "../src/types/Param.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {Receiver} from "./support/Receivers.sol";
import {hashOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";
import {PLAIN} from "../src/types/Fault.sol";

/// @notice Batches found false, and all that was built on them.
contract TakebackTest is LedgerBase {
    address private constant ACCUSER = address(0xACC);

    function setUp() public {
        setUpLedger();
    }

    function test_letsOnlyJudgesFaultAndHold() public {
        (BatchHeader memory header,) = post(1);
        bytes memory refusal = abi.encodeWithSelector(ResultLedger.NotJudge.selector, address(this));
        VM.expectRevert(refusal);
        ledger.fault(header.number, hashOf(header), PLAIN, address(this));
        VM.expectRevert(refusal);
        ledger.hold(1);
        VM.expectRevert(refusal);
        ledger.release(1);
        VM.prank(address(jury));
        ledger.hold(1);
    }

    function test_postsAndFinalisesNothingOnAFault() public {
        (BatchHeader memory first,) = post(1);
        (BatchHeader memory second,) = post(2);
        fault(first, ACCUSER);
        (BatchHeader memory third, Charge[] memory charges) = batch(3);
        passTime(WINDOW);
        VM.expectRevert(abi.encodeWithSelector(Batches.FaultOpen.selector, 1));
        ledger.finalise(first);
        this.refusePost(third, charges, abi.encodeWithSelector(Batches.FaultOpen.selector, 1));
        VM.expectRevert(abi.encodeWithSelector(Batches.FaultOpen.selector, 1));
        VM.prank(address(disputes));
        ledger.fault(second.number, hashOf(second), PLAIN, ACCUSER);
    }

    /// @dev What came before a false batch is none the worse for it.
    function test_finalisesWhatStandsBeforeAFault() public {
        (BatchHeader memory first,) = post(1);
        (BatchHeader memory second,) = post(2);
        fault(second, ACCUSER);
        passTime(WINDOW);
        ledger.finalise(first);
        VM.expectRevert(abi.encodeWithSelector(Batches.FaultOpen.selector, 2));
        ledger.finalise(second);
        ledger.takeBack(second, first);
        equal(vault.member(validator(0)).lockedWei, 0, "locked");
    }

    function test_findsAFaultInOpenBatchesOnly() public {
        (BatchHeader memory first,) = post(1);
        passTime(WINDOW);
        ledger.finalise(first);
        VM.prank(address(disputes));
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 1));
        ledger.fault(first.number, hashOf(first), PLAIN, ACCUSER);
        (BatchHeader memory second,) = batch(2);
        VM.prank(address(disputes));
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        ledger.fault(second.number, hashOf(second), PLAIN, ACCUSER);
    }

    function test_takesNothingBackWithoutAFault() public {
        (BatchHeader memory first,) = post(1);
        VM.expectRevert(abi.encodeWithSelector(Batches.NotFaulty.selector, 1));
        ledger.takeBack(first, first);
    }

    function test_takesBackFromTheNewest() public {
        (BatchHeader memory first,) = post(1);
        (BatchHeader memory second,) = post(2);
        fault(first, ACCUSER);
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        ledger.takeBack(first, first);
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        ledger.takeBack(second, second);
        ledger.takeBack(second, first);
        ledger.takeBack(first, first);
        (uint64 posted,, uint64 faulty, uint256 openWei, uint256 collectedWei) = ledger.progress();
        equal(posted + faulty + openWei + collectedWei, 0, "not as in the beginning");
        VM.expectRevert(abi.encodeWithSelector(Batches.NotFaulty.selector, 0));
        ledger.takeBack(first, first);
    }

    function test_slashesTheFalseProposerAndNoOther() public {
        (BatchHeader memory first,) = post(1);
        (BatchHeader memory second, Charge[] memory charges) = batch(2);
        second.proposer = validator(1);
        post(second, charges);
        fault(first, ACCUSER);
        ledger.takeBack(second, first);
        ledger.takeBack(first, first);
        equal(vault.member(validator(0)).stakeWei, STAKE_WEI - BOND_WEI, "false");
        equal(vault.member(validator(1)).stakeWei, STAKE_WEI, "innocent");
        equal(vault.member(validator(0)).lockedWei, 0, "false, locked");
        equal(vault.member(validator(1)).lockedWei, 0, "innocent, locked");
        uint256 rewardWei = BOND_WEI * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000;
        equal(ACCUSER.balance, rewardWei, "accuser");
        equal(Purses.BURNED.balance, BOND_WEI - rewardWei, "burned");
    }

    /// @dev An older fault found later makes the younger batch one that only built on it.
    function test_blamesTheOldestFault() public {
        (BatchHeader memory first,) = post(1);
        (BatchHeader memory second, Charge[] memory charges) = batch(2);
        second.proposer = validator(1);
        post(second, charges);
        fault(second, address(0xBAD));
        fault(first, ACCUSER);
        ledger.takeBack(second, first);
        ledger.takeBack(first, first);
        equal(vault.member(validator(1)).stakeWei, STAKE_WEI, "younger");
        equal(vault.member(validator(0)).stakeWei, STAKE_WEI - BOND_WEI, "older");
        equal(address(0xBAD).balance, 0, "accuser of the younger");
    }

    /// @dev An accuser that takes no money would otherwise stop the ledger for ever.
    function test_takesBackWhateverTheAccuserDoes() public {
        Receiver refusing = new Receiver();
        refusing.refuse(true);
        (BatchHeader memory first,) = post(1);
        fault(first, address(refusing));
        ledger.takeBack(first, first);
        equal(Purses.BURNED.balance, BOND_WEI, "burned");
    }

    function test_goesOnAsIfNothingHadBeen() public {
        BatchHeader memory first = leaving(1, 5 ether, 0);
        (first.answers, first.payees) = (7, 9);
        post(first);
        (BatchHeader memory second, Charge[] memory charges) = collecting(2, 1 ether, 5 ether);
        (second.answers, second.payees) = (20, 30);
        post(second, charges);
        fault(second, ACCUSER);
        ledger.takeBack(second, first);
        (uint64 posted,,, uint256 openWei, uint256 collectedWei) = ledger.progress();
        equal(posted, 1, "posted");
        equal(openWei, 5 ether, "open");
        equal(collectedWei, 0, "collected");
        equal(ledger.batchOf(2).finalAt, 0, "kept");
        ledger.giveBack(second, charges);
        // Its counts follow on the first batch's, not on those that were taken back.
        (second.answers, second.payees) = (8, 9);
        post(second, charges);
        passTime(WINDOW);
        ledger.finalise(first);
        ledger.finalise(second);
        equal(address(payout).balance, 8 ether, "payout");
        equal(address(ledger).balance, 0, "ledger");
    }

    /// @dev The signatures under a false header are there for ever: it must not come again, where no fault would find it.
    function test_refusesAHeaderThatWasTakenBack() public {
        (BatchHeader memory first, Charge[] memory charges) = post(1);
        fault(first, ACCUSER);
        ledger.takeBack(first, first);
        bytes32 headerHash = exposed.hashHeader(first);
        this.refusePost(first, charges, abi.encodeWithSelector(Batches.WasTakenBack.selector, headerHash));
        first.data = "another";
        post(first, charges);
    }

    function test_beginsAgainWithTheFirstThreshold() public {
        (BatchHeader memory first,) = post(1);
        fault(first, ACCUSER);
        BatchHeader memory forged = first;
        forged.strictness = 99;
        (first,) = batch(1);
        ledger.takeBack(first, forged);
        first.data = "another";
        first.strictness = 99;
        (, Charge[] memory charges) = batch(1);
        this.refusePost(first, charges, abi.encodeWithSelector(ResultLedger.WrongStrictness.selector, 99, STRICTNESS));
        first.strictness = STRICTNESS;
        post(first, charges);
    }

    function test_givesBackOnceAndToTheWei() public {
        (BatchHeader memory first, Charge[] memory charges) = post(1);
        VM.expectRevert(abi.encodeWithSelector(Batches.NothingOwed.selector, exposed.hashHeader(first)));
        ledger.giveBack(first, charges);
        fault(first, ACCUSER);
        ledger.takeBack(first, first);
        equal(address(ledger).balance, 3 ether, "owed");
        Charge[] memory more = new Charge[](2);
        (more[0], more[1]) = (charges[0], charge(payerKeys[1], 3 ether, 20 ether));
        VM.expectPartialRevert(Batches.WrongCharges.selector);
        ledger.giveBack(first, more);
        ledger.giveBack(first, charges);
        equal(address(ledger).balance, 0, "owed no longer");
        equal(address(escrow).balance, 200 ether, "escrow");
        for (uint256 i = 0; i < 2; i++) {
            Account memory known = escrow.account(VM.addr(payerKeys[i]));
            equal(known.redeemedWei, 0, "redeemed");
            equal(known.authorisedWei, (1 + i) * 10 ether, "what was promised stays promised");
        }
        VM.expectRevert(abi.encodeWithSelector(Batches.NothingOwed.selector, exposed.hashHeader(first)));
        ledger.giveBack(first, charges);
    }

    function test_owesNothingForABatchThatLeftItsFeesOpen() public {
        BatchHeader memory first = leaving(1, 5 ether, 0);
        post(first);
        fault(first, ACCUSER);
        ledger.takeBack(first, first);
        VM.expectRevert(abi.encodeWithSelector(Batches.NothingOwed.selector, exposed.hashHeader(first)));
        ledger.giveBack(first, new Charge[](0));
    }

    function test_letsOnlyTheLedgerGiveBack() public {
        (, Charge[] memory charges) = post(1);
        VM.expectRevert(abi.encodeWithSelector(FeeEscrow.NotLedger.selector, address(this)));
        escrow.giveBack{value: 3 ether}(charges);
    }

    function test_keepsABatchInDisputeOpen() public {
        (BatchHeader memory first,) = post(1);
        VM.prank(address(jury));
        ledger.hold(1);
        VM.prank(address(disputes));
        ledger.hold(1);
        passTime(WINDOW);
        VM.prank(address(jury));
        ledger.release(1);
        VM.expectRevert(abi.encodeWithSelector(Batches.InDispute.selector, 1));
        ledger.finalise(first);
        VM.prank(address(disputes));
        ledger.release(1);
        ledger.finalise(first);
        VM.prank(address(jury));
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 1));
        ledger.hold(1);
    }

    function test_letsTheNumberGoWithItsHolds() public {
        (BatchHeader memory first, Charge[] memory charges) = post(1);
        VM.prank(address(jury));
        ledger.hold(1);
        fault(first, ACCUSER);
        ledger.takeBack(first, first);
        first.data = "another";
        post(first, charges);
        passTime(WINDOW);
        ledger.finalise(first);
    }

    function refusePost(BatchHeader memory header, Charge[] memory charges, bytes memory refusal) external {
        VM.expectRevert(refusal);
        post(header, 0, charges);
    }
}

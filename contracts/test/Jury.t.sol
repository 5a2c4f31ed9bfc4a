// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Jury} from "../src/Jury.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Cases, Stage, Verdict} from "../src/libraries/Cases.sol";
import {Evidence} from "../src/libraries/Evidence.sol";
import {Param} from "../src/types/Param.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {placedOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice How a case is opened, its jurors drawn, and their verdicts committed and revealed.
contract JuryTest is JuryBase {
    function setUp() public {
        setUpJury(32);
    }

    function test_opensACaseForItsBond() public {
        equal(openCase(), 1, "number");
        equal(address(jury).balance, bondWei(), "bond");
        equal(jury.caseOf(placed.receipt.claim), 1, "by claim");
        requireStage(1, Stage.Opened);
        uint256 expectedWei = bondWei();
        VM.expectRevert(abi.encodeWithSelector(Jury.WrongBond.selector, 0, expectedWei));
        jury.open(placedOf(placed), placed.receipt.passedBy);
        VM.expectRevert(abi.encodeWithSelector(Jury.AlreadyInDispute.selector, placed.receipt.claim, 1));
        this.openOnceMore();
    }

    function test_opensNoCaseOfWhatIsNotInAnOpenBatch() public {
        placed.receipt.claim = ~placed.receipt.claim;
        VM.expectPartialRevert(Evidence.NotInBatch.selector);
        this.openOnceMore();
        placed.receipt.claim = ~placed.receipt.claim;
        passTime(WINDOW);
        ledger.finalise(placed.header);
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 2));
        this.openOnceMore();
    }

    /// @dev Or who passed the claim could sit on the jury.
    function test_refusesAnotherListOfWhoPassedTheClaim() public {
        uint256 paidWei = bondWei();
        address[] memory passedBy = placed.receipt.passedBy;
        (passedBy[0], passedBy[1]) = (passedBy[1], passedBy[0]);
        VM.deal(address(this), paidWei);
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "passedBy"));
        jury.open{value: paidWei}(placedOf(placed), passedBy);
    }

    function test_drawsNobodyBeforeTheBlockThatChooses() public {
        uint256 number = openCase();
        (,,, uint64 seedBlock,,,) = jury.caseAt(number);
        equal(seedBlock, VM.getBlockNumber() + 2, "seed block");
        VM.expectRevert(abi.encodeWithSelector(Cases.TooEarly.selector, seedBlock + 1));
        jury.draw(number);
        VM.roll(seedBlock);
        VM.expectRevert(abi.encodeWithSelector(Cases.TooEarly.selector, seedBlock + 1));
        jury.draw(number);
        VM.roll(seedBlock + 1);
        jury.draw(number);
        requireStage(number, Stage.Drawn);
        VM.expectRevert(abi.encodeWithSelector(Cases.NotAt.selector, Stage.Drawn, Stage.Opened));
        jury.draw(number);
    }

    /// @dev The EVM forgets hashes, and an unknown one is zero for everybody: anyone could work the draw out.
    function test_takesAnotherBlockWhereTheHashIsGone() public {
        uint256 number = openCase();
        (,,, uint64 seedBlock,,,) = jury.caseAt(number);
        VM.roll(uint256(seedBlock) + 256);
        jury.draw(number);
        requireStage(number, Stage.Opened);
        (,,, uint64 later,,,) = jury.caseAt(number);
        equal(later, uint256(seedBlock) + 258, "later block");
        VM.roll(uint256(later) + 255);
        jury.draw(number);
        requireStage(number, Stage.Drawn);
    }

    function test_seatsNobodyWhoIsAccused() public {
        uint256 number = openCase();
        drawJurors(number);
        equal(seats.length, rules.valueAt(Param.JurySeats, rules.epoch()), "seats");
        for (uint256 i = 0; i < seats.length; i++) {
            require(seats[i] != validator(0) && seats[i] != validator(1), "an accused one is seated");
        }
    }

    function test_seatsNotTheChallenger() public {
        VM.deal(validator(2), bondWei());
        uint256 paidWei = bondWei();
        VM.prank(validator(2));
        uint256 number = jury.open{value: paidWei}(placedOf(placed), placed.receipt.passedBy);
        drawJurors(number);
        equal(seats.length, rules.valueAt(Param.JurySeats, rules.epoch()), "seats");
        for (uint256 i = 0; i < seats.length; i++) {
            require(seats[i] != validator(2), "the challenger is seated");
        }
    }

    /// @dev All others have left: under its new key the accused would have every seat.
    function test_seatsNoAccusedUnderAnotherKey() public {
        uint256 number = openCase();
        for (uint256 i = 1; i < 7; i++) {
            vault.requestExit(validator(i));
        }
        vault.rotate(validator(0), VM.addr(77), consent(77, address(this), VALIDATOR, 0));
        drawJurors(number);
        equal(seats.length, 0, "seats");
    }

    function test_takesCommitmentsFromJurorsOnceAndInTime() public {
        uint256 number = openCase();
        VM.expectRevert(abi.encodeWithSelector(Cases.NotAt.selector, Stage.Opened, Stage.Drawn));
        jury.commit(number, SALT);
        drawJurors(number);
        VM.prank(validator(0));
        VM.expectRevert(abi.encodeWithSelector(Cases.NotJuror.selector, validator(0)));
        jury.commit(number, SALT);
        VM.prank(seats[0]);
        jury.commit(number, SALT);
        VM.prank(seats[0]);
        VM.expectRevert(abi.encodeWithSelector(Cases.AlreadyCommitted.selector, seats[0]));
        jury.commit(number, SALT);
        (,,,, uint64 commitUntil,,) = jury.caseAt(number);
        VM.warp(commitUntil + 1);
        VM.prank(seats[1]);
        VM.expectRevert(abi.encodeWithSelector(Cases.TooLate.selector, commitUntil));
        jury.commit(number, SALT);
    }

    function test_takesVerdictsOnceAndInTime() public {
        uint256 number = openCase();
        drawJurors(number);
        commitSeats(number, 7, Verdict.Pass);
        (,,,, uint64 commitUntil, uint64 revealUntil,) = jury.caseAt(number);
        VM.warp(commitUntil);
        _refuseReveal(seats[0], Verdict.Pass, abi.encodeWithSelector(Cases.TooEarly.selector, commitUntil + 1));
        VM.warp(commitUntil + 1);
        _refuseReveal(seats[0], Verdict.Fail, abi.encodeWithSelector(Cases.WrongReveal.selector, seats[0]));
        revealSeats(number, 1, Verdict.Pass);
        _refuseReveal(seats[0], Verdict.Pass, abi.encodeWithSelector(Cases.AlreadyRevealed.selector, seats[0]));
        VM.warp(revealUntil + 1);
        _refuseReveal(seats[6], Verdict.Pass, abi.encodeWithSelector(Cases.TooLate.selector, revealUntil));
    }

    /// @dev Whoever copies a commitment copies another's name with it.
    function test_makesACopiedCommitmentUseless() public {
        uint256 number = openCase();
        drawJurors(number);
        commitSeats(number, 1, Verdict.Pass);
        uint256 other = 1;
        while (seats[other] == seats[0]) other++;
        VM.prank(seats[other]);
        jury.commit(number, keccak256(abi.encode(number, seats[0], Verdict.Pass, SALT)));
        passTime(uint256(rules.valueAt(Param.CommitSeconds, rules.epoch())) + 1);
        revealSeats(number, 1, Verdict.Pass);
        _refuseReveal(seats[other], Verdict.Pass, abi.encodeWithSelector(Cases.WrongReveal.selector, seats[other]));
    }

    /// @dev No verdict and no commitment are both zero: they must not fit each other.
    function test_takesNoVerdictWithoutACommitment() public {
        uint256 number = openCase();
        drawJurors(number);
        passTime(uint256(rules.valueAt(Param.CommitSeconds, rules.epoch())) + 1);
        _refuseReveal(seats[0], Verdict.Pass, abi.encodeWithSelector(Cases.WrongReveal.selector, seats[0]));
        _refuseReveal(seats[0], Verdict.None, abi.encodeWithSelector(Cases.WrongReveal.selector, seats[0]));
        _refuseReveal(address(0xBAD), Verdict.Pass, abi.encodeWithSelector(Cases.WrongReveal.selector, address(0xBAD)));
    }

    function test_decidesWhenTheTimeIsOver() public {
        uint256 number = openCase();
        VM.expectRevert(abi.encodeWithSelector(Cases.NotAt.selector, Stage.Opened, Stage.Drawn));
        jury.decide(number);
        drawJurors(number);
        (,,,,, uint64 revealUntil,) = jury.caseAt(number);
        VM.warp(revealUntil);
        VM.expectRevert(abi.encodeWithSelector(Cases.TooEarly.selector, revealUntil + 1));
        jury.decide(number);
    }

    function openOnceMore() external {
        openCase();
    }

    function _refuseReveal(address juror, Verdict verdict, bytes memory refusal) private {
        VM.prank(juror);
        VM.expectRevert(refusal);
        jury.reveal(1, verdict, SALT);
    }
}

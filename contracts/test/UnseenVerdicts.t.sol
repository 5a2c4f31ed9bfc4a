// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Jury} from "../src/Jury.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Stage, Verdict} from "../src/libraries/Cases.sol";
import {Param} from "../src/types/Param.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {hashOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice How cases over what was passed unseen end, who pays, and what they leave alone.
contract UnseenVerdictsTest is JuryBase {
    uint256 private _case;
    bytes32 private _subject;

    function setUp() public {
        setUpJury(32);
        _case = openUnseen(openingsOf(2));
        _subject = keccak256(abi.encode(placed.receipt.claim, MADE_UP));
    }

    function test_slashesWhoOpenedWhatNobodyElseHasSeen() public {
        _decide(5, Verdict.Fail);
        requireStage(_case, Stage.Upheld);
        equal(jury.owedWei(CHALLENGER), bondWei(), "bond");
        uint256 takenWei = STAKE_WEI - _leftWei(1);
        _requireStake(validator(0), STAKE_WEI - takenWei);
        _requireStake(validator(1), STAKE_WEI - takenWei);
        uint256 rewardWei = takenWei * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000;
        equal(CHALLENGER.balance, 100 ether - bondWei() + 2 * rewardWei, "challenger");
        VM.prank(CHALLENGER);
        jury.withdraw();
        equal(address(jury).balance, 0, "jury");
        _refuseOnceMore();
    }

    function test_leavesTheAnswerItsWorkerAndItsBatchAlone() public {
        _decide(5, Verdict.Fail);
        _requireStake(VM.addr(WORKER_KEY), STAKE_WEI);
        requireFaulty(0, "fault");
        require(!ledger.isVoid(hashOf(placed.header)), "void");
        // Whatever else holds the batch holds it still.
        openCase();
        VM.expectRevert(abi.encodeWithSelector(Batches.InDispute.selector, 2));
        ledger.finalise(placed.header);
    }

    function test_paysTheJurorsWhereTheTranscriptIsRight() public {
        uint256 held = _decide(5, Verdict.Pass);
        requireStage(_case, Stage.Dismissed);
        equal(jury.owedWei(CHALLENGER), 0, "challenger");
        uint256 owedWei = 0;
        for (uint256 i = 0; i < seats.length; i++) {
            if (isFirstSeat(i)) owedWei += jury.owedWei(seats[i]);
        }
        equal(owedWei, bondWei() / 2 / held * held, "jurors");
        equal(address(jury).balance, owedWei, "jury");
        _requireStake(validator(0), STAKE_WEI);
        _requireStake(validator(1), STAKE_WEI);
        _refuseOnceMore();
    }

    function test_leavesNobodyToBlameShortOfTwoThirds() public {
        uint256 validatorsWei = vault.validatorsStakeWei();
        _decide(1, Verdict.Fail);
        requireStage(_case, Stage.Undecided);
        equal(jury.owedWei(CHALLENGER), bondWei(), "bond");
        equal(vault.validatorsStakeWei(), validatorsWei, "slashed");
        equal(jury.caseOf(_subject), 0, "by transcript");
        equal(openUnseen(openingsOf(2)), 2, "once more");
    }

    /// @dev Nothing keeps the batch open for it, so it often ends behind the window.
    function test_judgesWhenTheBatchIsFinal() public {
        hear(_case, 5, Verdict.Fail);
        ledger.finalise(placed.header);
        jury.decide(_case);
        requireStage(_case, Stage.Upheld);
        _requireStake(validator(0), _leftWei(1));
    }

    /// @dev The batch went for another fault, its proposer's bond with it; who made a transcript up pays all the same.
    function test_judgesWhereTheBatchIsGone() public {
        fault(placed.header, address(0));
        takeBack(placed);
        settle(receiptOf(11));
        _decide(5, Verdict.Fail);
        requireFaulty(0, "a fault of the batch that took the number");
        _requireStake(validator(1), _leftWei(1));
        ledger.finalise(headerOf[2]);
    }

    /// @dev The claim stands in another batch, and the first case, which nobody decides, is not in the way.
    function test_judgesATranscriptAnewInAnotherBatch() public {
        hear(_case, 5, Verdict.Fail);
        _settleAnew();
        uint256 second = openUnseen(openingsOf(2));
        equal(jury.caseOf(_subject), second, "by transcript");
        jury.decide(_case);
        equal(jury.caseOf(_subject), second, "by transcript still");
        uint256 leftWei = vault.member(validator(1)).stakeWei;
        equal(leftWei, _leftWei(1), "paid");
        hear(second, 7, Verdict.Fail);
        jury.decide(second);
        requireStage(second, Stage.Upheld);
        _requireStake(validator(1), leftWei);
    }

    function test_leavesANewerCaseInItsPlaceWhereItIsUndecided() public {
        hear(_case, 1, Verdict.Fail);
        _settleAnew();
        uint256 second = openUnseen(openingsOf(2));
        jury.decide(_case);
        requireStage(_case, Stage.Undecided);
        equal(jury.caseOf(_subject), second, "by transcript");
    }

    /// @dev Who passed a false answer without running it pays for both.
    function test_judgesTheClaimAndItsTranscriptSideBySide() public {
        uint256 other = openCase();
        equal(jury.caseOf(_subject), _case, "by transcript");
        equal(jury.caseOf(placed.receipt.claim), other, "by claim");
        _decide(5, Verdict.Fail);
        equal(jury.caseOf(placed.receipt.claim), other, "by claim still");
        VM.expectRevert(abi.encodeWithSelector(Batches.InDispute.selector, 2));
        ledger.finalise(placed.header);
        hear(other, 7, Verdict.Fail);
        jury.decide(other);
        requireFaulty(2, "fault");
        _requireStake(VM.addr(WORKER_KEY), _leftWei(1));
        _requireStake(validator(0), _leftWei(2));
        _requireStake(validator(1), _leftWei(2));
    }

    function test_keepsTheTranscriptsCaseWhereTheClaimsIsUndecided() public {
        uint256 other = openCase();
        hear(other, 0, Verdict.Pass);
        jury.decide(other);
        requireStage(other, Stage.Undecided);
        equal(jury.caseOf(placed.receipt.claim), 0, "by claim");
        equal(jury.caseOf(_subject), _case, "by transcript");
        _refuseOnceMore();
    }

    function test_slashesUnderAnotherKey() public {
        vault.rotate(validator(0), VM.addr(77), consent(77, address(this), VALIDATOR, 0));
        _decide(5, Verdict.Fail);
        _requireStake(VM.addr(77), _leftWei(1));
        _requireStake(validator(1), _leftWei(1));
    }

    function openOnceMore() external {
        openUnseen(openingsOf(2));
    }

    /// @dev With the seats of so many jurors, or a few more where one has several.
    function _decide(uint256 count, Verdict verdict) private returns (uint256 held) {
        hear(_case, count, verdict);
        held = seatsOf(count);
        jury.decide(_case);
    }

    /// @dev The batch is taken back, and another one has the answer.
    function _settleAnew() private {
        fault(placed.header, address(0));
        takeBack(placed);
        settle(receiptOf(11));
        placed = settle(doubtful());
    }

    function _refuseOnceMore() private {
        VM.expectRevert(abi.encodeWithSelector(Jury.AlreadyInDispute.selector, _subject, _case));
        this.openOnceMore();
    }

    /// @dev What is left of a stake that was slashed so often.
    function _leftWei(uint256 times) private view returns (uint256 stakeWei) {
        stakeWei = STAKE_WEI;
        for (uint256 i = 0; i < times; i++) {
            stakeWei -= stakeWei * rules.valueAt(Param.EndorserSlashBps, rules.epoch()) / 10_000;
        }
    }

    function _requireStake(address node, uint256 stakeWei) private view {
        equal(vault.member(node).stakeWei, stakeWei, "stake");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Jury} from "../src/Jury.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Cases, Stage, Verdict} from "../src/libraries/Cases.sol";
import {Param} from "../src/types/Param.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {Receiver} from "./support/Receivers.sol";
import {Settled, placedOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice How cases end, and who pays.
contract VerdictsTest is JuryBase {
    uint256 private _case;

    function setUp() public {
        setUpJury(32);
        _case = openCase();
    }

    function test_upholdsWithTwoThirdsOfTheSeats() public {
        uint256 held = _hearAtLeast(5, Verdict.Fail);
        require(held * 3 >= seats.length * 2, "seats");
        jury.decide(_case);
        requireStage(_case, Stage.Upheld);
        requireFaulty(2, "fault");
        equal(jury.owedWei(CHALLENGER), bondWei(), "bond");
        uint64 bps = rules.valueAt(Param.EndorserSlashBps, rules.epoch());
        uint256 takenWei = STAKE_WEI * bps / 10_000;
        address[3] memory accused = [VM.addr(WORKER_KEY), validator(0), validator(1)];
        for (uint256 i = 0; i < 3; i++) {
            equal(vault.member(accused[i]).stakeWei, STAKE_WEI - takenWei, "accused");
        }
        uint256 rewardWei = takenWei * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000;
        uint256 paidWei = 100 ether - bondWei() + 3 * rewardWei;
        equal(CHALLENGER.balance, paidWei, "challenger");
        takeBack(placed);
        VM.prank(CHALLENGER);
        jury.withdraw();
        equal(address(jury).balance, 0, "jury");
    }

    function test_dismissesWithTwoThirdsOfTheSeats() public {
        uint256 held = _hearAtLeast(5, Verdict.Pass);
        jury.decide(_case);
        requireStage(_case, Stage.Dismissed);
        requireFaulty(0, "fault");
        equal(jury.owedWei(CHALLENGER), 0, "challenger");
        uint256 eachWei = bondWei() / 2 / held;
        uint256 owedWei = 0;
        for (uint256 i = 0; i < seats.length; i++) {
            if (isFirstSeat(i)) owedWei += jury.owedWei(seats[i]);
        }
        equal(owedWei, eachWei * held, "jurors");
        equal(address(jury).balance, owedWei, "jury");
        ledger.finalise(placed.header);
        VM.prank(seats[0]);
        jury.withdraw();
        require(seats[0].balance >= eachWei, "paid");
        VM.prank(seats[0]);
        VM.expectRevert(abi.encodeWithSelector(Jury.NothingOwed.selector, seats[0]));
        jury.withdraw();
    }

    function test_leavesNobodyToBlameShortOfTwoThirds() public {
        _hearAtLeast(1, Verdict.Fail);
        uint256 validatorsWei = vault.validatorsStakeWei();
        jury.decide(_case);
        requireStage(_case, Stage.Undecided);
        equal(jury.owedWei(CHALLENGER), bondWei(), "bond");
        equal(vault.validatorsStakeWei(), validatorsWei, "slashed");
        requireFaulty(0, "fault");
        equal(openCase(), 2, "once more");
    }

    function test_endsUndecidedWhereNobodyCanSit() public {
        for (uint256 i = 2; i < 7; i++) {
            vault.requestExit(validator(i));
        }
        hear(_case, 0, Verdict.Pass);
        jury.decide(_case);
        requireStage(_case, Stage.Undecided);
    }

    function test_slashesSilentJurorsOnce() public {
        uint256 held = _hearAtLeast(5, Verdict.Pass);
        jury.decide(_case);
        uint256 silent = 0;
        for (uint256 i = 0; i < seats.length; i++) {
            if (!isFirstSeat(i)) continue;
            uint256 stakeWei = vault.member(seats[i]).stakeWei;
            if (stakeWei == STAKE_WEI) continue;
            equal(stakeWei, STAKE_WEI - STAKE_WEI / 100, "silent");
            silent++;
        }
        require(held == seats.length || silent > 0, "nobody was silent");
        equal(vault.validatorsStakeWei(), 7 * STAKE_WEI - silent * STAKE_WEI / 100, "others");
    }

    function test_decidesOnce() public {
        _hearAtLeast(5, Verdict.Pass);
        jury.decide(_case);
        VM.expectRevert(abi.encodeWithSelector(Cases.NotAt.selector, Stage.Dismissed, Stage.Drawn));
        jury.decide(_case);
        VM.expectRevert(abi.encodeWithSelector(Jury.AlreadyInDispute.selector, placed.receipt.claim, 1));
        this.openOnceMore();
    }

    function test_keepsTheBatchOpenMeanwhile() public {
        _hearAtLeast(5, Verdict.Pass);
        VM.expectRevert(abi.encodeWithSelector(Batches.InDispute.selector, 2));
        ledger.finalise(placed.header);
        jury.decide(_case);
        ledger.finalise(placed.header);
    }

    /// @dev The batch went with an older one; who lied about the claim pays all the same.
    function test_condemnsTheLiarsWhereTheBatchIsGone() public {
        fault(placed.header, address(0));
        takeBack(placed);
        settle(receiptOf(11));
        _hearAtLeast(5, Verdict.Fail);
        jury.decide(_case);
        requireFaulty(0, "a fault of the batch that took the number");
        uint64 bps = rules.valueAt(Param.EndorserSlashBps, rules.epoch());
        equal(vault.member(VM.addr(WORKER_KEY)).stakeWei, STAKE_WEI - STAKE_WEI * bps / 10_000, "worker");
        ledger.finalise(headerOf[2]);
    }

    /// @dev Once more in a batch, a false claim must be found false once more; its worker has paid already.
    function test_judgesAClaimAnewInAnotherBatch() public {
        _hearAtLeast(5, Verdict.Fail);
        jury.decide(_case);
        takeBack(placed);
        uint256 stakeWei = vault.member(VM.addr(WORKER_KEY)).stakeWei;
        settle(receiptOf(11));
        placed = settle(doubtful());
        _case = openCase();
        _hearAtLeast(5, Verdict.Fail);
        jury.decide(_case);
        requireStage(_case, Stage.Upheld);
        requireFaulty(3, "fault");
        equal(vault.member(VM.addr(WORKER_KEY)).stakeWei, stakeWei, "paid twice");
    }

    function test_leavesAnOlderFaultAlone() public {
        Settled memory later = settle(receiptOf(11));
        placed = later;
        uint256 number = openCase();
        fault(headerOf[2], address(0));
        hear(number, 7, Verdict.Fail);
        jury.decide(number);
        requireStage(number, Stage.Upheld);
        requireFaulty(2, "fault");
    }

    function test_decidesWhateverTheChallengerDoes() public {
        placed = settle(receiptOf(11));
        Receiver refusing = new Receiver();
        refusing.refuse(true);
        VM.deal(address(refusing), bondWei());
        refusing.act(address(jury), bondWei(), abi.encodeCall(Jury.open, (placedOf(placed), placed.receipt.passedBy)));
        hear(2, 7, Verdict.Fail);
        jury.decide(2);
        requireFaulty(3, "fault");
        equal(jury.owedWei(address(refusing)), bondWei(), "bond");
    }

    /// @dev Each accused that is slashed pays the challenger: were it given all gas each time, no block would have enough.
    function test_decidesWhateverGasTheChallengerTakes() public {
        Receipt memory receipt = doubtful();
        (receipt.jobId, receipt.claim) = (keccak256("job"), keccak256("claim"));
        placed = settle(receipt);
        Receiver greedy = new Receiver();
        greedy.devour();
        VM.deal(address(greedy), bondWei());
        greedy.act(address(jury), bondWei(), abi.encodeCall(Jury.open, (placedOf(placed), placed.receipt.passedBy)));
        hear(2, 7, Verdict.Fail);
        jury.decide{gas: 2_000_000}(2);
        requireFaulty(3, "fault");
    }

    function test_slashesALiarThatLeaves() public {
        vault.requestExit(VM.addr(WORKER_KEY));
        _hearAtLeast(5, Verdict.Fail);
        jury.decide(_case);
        require(vault.member(VM.addr(WORKER_KEY)).stakeWei < STAKE_WEI, "got away");
    }

    function openOnceMore() external {
        openCase();
    }

    /// @dev With so many seats, or a few more where a juror has several.
    function _hearAtLeast(uint256 count, Verdict verdict) private returns (uint256 held) {
        hear(_case, count, verdict);
        held = seatsOf(count);
    }
}

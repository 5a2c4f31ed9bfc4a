// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes, Head, Share} from "../src/Disputes.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Evidence, Placed, Way} from "../src/libraries/Evidence.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {DisputeBase} from "./support/DisputeBase.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

/// @notice Scores that are not the dot products of what was committed.
contract ScoresTest is DisputeBase {
    int64[2] private _scores;

    function setUp() public {
        setUpDisputes(70);
        _scores = trueScores();
    }

    function test_showsAFalseScoreOfEitherWidth() public {
        for (uint256 i = 0; i < 2; i++) {
            int64[2] memory scores = _scores;
            scores[i] += 1;
            Placed memory placed = settle(answer(10 + i, scores, occurrences));
            this.accuse(placed, scores, i);
            requireFaulty(placed.header.number, "fault");
            takeBack(placed);
        }
    }

    function test_showsAFalseNumberOfRows() public {
        rows[1] = 4;
        bytes[] memory leaves = leavesOf(_scores, occurrences);
        rows[1] = 3;
        Receipt memory receipt = receiptOf(10);
        receipt.attribution = Trees.rootOf(leaves);
        Placed memory placed = settle(receipt);
        Way[3] memory ways = _ways(leaves, 1);
        disputes.falseScore(
            placed,
            Head(3, 99, query),
            Share(contributors[1], 4, _scores[1]),
            influenceRoot,
            spans.root(),
            3,
            vectors[1],
            ways
        );
        requireFaulty(2, "fault");
    }

    function test_leavesARightScoreAlone() public {
        Placed memory placed = settle(answer(10, _scores, occurrences));
        _refuse(placed, _scores, 0, abi.encodeWithSelector(Disputes.ScoreIsRight.selector, _scores[0]));
        _refuse(placed, _scores, 1, abi.encodeWithSelector(Disputes.ScoreIsRight.selector, _scores[1]));
    }

    function test_refusesAShareOfAnotherAnswer() public {
        int64[2] memory scores = _scores;
        scores[0] += 1;
        settle(answer(10, scores, occurrences));
        Placed memory other = settle(answer(11, _scores, occurrences));
        _refuse(other, scores, 0, abi.encodeWithSelector(Evidence.NotCommitted.selector, "head"));
        Way[3] memory ways = _ways(leavesOf(scores, occurrences), 0);
        ways[0] = _ways(leavesOf(_scores, occurrences), 0)[0];
        Share memory share = Share(contributors[0], rows[0], scores[0]);
        bytes32 spansRoot = spans.root();
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "share"));
        disputes.falseScore(other, Head(3, 99, query), share, influenceRoot, spansRoot, rows[0], vectors[0], ways);
    }

    function test_refusesAnIndexOfAnotherAdapter() public {
        Receipt memory receipt = answer(10, _scores, occurrences);
        receipt.adapter = "bafyother";
        Placed memory placed = settle(receipt);
        bytes memory refusal = abi.encodeWithSelector(Evidence.NotCommitted.selector, "index");
        _refuse(placed, _scores, 0, refusal);
        placed = settle(answer(11, _scores, occurrences));
        vectors[0][0] = ~vectors[0][0];
        influenceRoot = Trees.rootOf(sums());
        _refuse(placed, _scores, 0, refusal);
    }

    /// @dev A sum of one's own making, under the root that is registered.
    function test_refusesASumThatIsNotInTheIndex() public {
        Placed memory placed = settle(answer(10, _scores, occurrences));
        vectors[0][0] = ~vectors[0][0];
        _refuse(placed, _scores, 0, abi.encodeWithSelector(Evidence.NotCommitted.selector, "sum"));
    }

    function test_refusesAReceiptThatIsNotInTheBatch() public {
        int64[2] memory scores = _scores;
        scores[0] += 1;
        Placed memory placed = settle(answer(10, scores, occurrences));
        placed.receipt.units++;
        _refuse(
            placed,
            scores,
            0,
            abi.encodeWithSelector(Evidence.NotInBatch.selector, placed.receipt.jobId, 2, placed.index)
        );
    }

    function test_refusesAHeaderThatWasNeverPosted() public {
        int64[2] memory scores = _scores;
        scores[0] += 1;
        Placed memory placed = settle(answer(10, scores, occurrences));
        placed.header.data = "another";
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        this.accuse(placed, scores, 0);
    }

    function test_comesTooLateForAFinalBatch() public {
        int64[2] memory scores = _scores;
        scores[0] += 1;
        Placed memory placed = settle(answer(10, scores, occurrences));
        passTime(WINDOW);
        ledger.finalise(placed.header);
        _refuse(placed, scores, 0, abi.encodeWithSelector(Batches.AlreadyFinal.selector, 2));
    }

    /// @dev This contract owns the proposer's stake, and accuses it: half of the bond is lost at least.
    function test_leavesNoGainToWhoAccusesItself() public {
        int64[2] memory scores = _scores;
        scores[0] += 1;
        Placed memory placed = settle(answer(10, scores, occurrences));
        uint256 beforeWei = address(this).balance + vault.member(validator(0)).stakeWei;
        this.accuse(placed, scores, 0);
        takeBack(placed);
        uint256 afterWei = address(this).balance + vault.member(validator(0)).stakeWei;
        require(2 * (beforeWei - afterWei) >= BOND_WEI, "less than half is lost");
        equal(vault.BURNED().balance, beforeWei - afterWei, "burned");
    }

    /// @dev From outside, so that a refusal is expected of the whole.
    function accuse(Placed memory placed, int64[2] memory scores, uint256 index) external {
        accuseScore(placed, scores, occurrences, index);
    }

    function _ways(bytes[] memory leaves, uint256 index) private view returns (Way[3] memory ways) {
        (ways[0], ways[1]) = (Trees.wayOf(leaves, 0), Trees.wayOf(leaves, 1 + index));
        ways[2] = Trees.wayOf(sums(), index);
    }

    function _refuse(Placed memory placed, int64[2] memory scores, uint256 index, bytes memory refusal) private {
        VM.expectRevert(refusal);
        this.accuse(placed, scores, index);
    }
}

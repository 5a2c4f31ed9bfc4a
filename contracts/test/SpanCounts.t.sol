// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {Evidence, Placed, Way} from "../src/libraries/Evidence.sol";
import {Place, SpanCounts, SpanIndex} from "../src/libraries/SpanCounts.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {DisputeBase} from "./support/DisputeBase.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

/// @notice Cited spans that occur more often than an answer says, or less.
contract SpanCountsTest is DisputeBase {
    /// Where there is no neighbour.
    uint256 private constant NONE = type(uint256).max;

    int64[2] private _scores;

    function setUp() public {
        setUpDisputes(32);
        _scores = trueScores();
        require(occurrences > 2 && runFrom > 0, "a run that tells nothing");
    }

    function test_showsASpanThatIsTooRare() public {
        Placed memory placed = settle(answer(10, _scores, occurrences - 1));
        this.tooRare(placed, occurrences - 1, runFrom, runFrom + occurrences - 1);
        requireFaulty(2, "fault");
    }

    function test_leavesARightCountAlone() public {
        Placed memory placed = settle(answer(10, _scores, occurrences));
        bytes memory refusal = abi.encodeWithSelector(Disputes.CountIsRight.selector, occurrences);
        VM.expectRevert(refusal);
        this.tooRare(placed, occurrences, runFrom, runFrom + occurrences - 1);
        VM.expectRevert(refusal);
        this.tooRare(placed, occurrences, runFrom + occurrences - 1, runFrom);
        VM.expectRevert(refusal);
        this.tooFrequent(placed, occurrences, runFrom - 1, runFrom + occurrences);
    }

    function test_showsASpanThatIsTooFrequent() public {
        Placed memory placed = settle(answer(10, _scores, occurrences + 1));
        this.tooFrequent(placed, occurrences + 1, runFrom - 1, runFrom + occurrences);
        requireFaulty(2, "fault");
    }

    /// @dev Without a neighbour on one side there is room to that end of the array.
    function test_countsToTheEndsOfTheArray() public {
        uint32 upper = SYMBOLS - uint32(runFrom) + 1;
        Placed memory placed = settle(answer(10, _scores, upper));
        this.tooFrequent(placed, upper, runFrom - 1, NONE);
        requireFaulty(2, "fault");
        takeBack(placed);
        uint32 lower = uint32(runFrom) + occurrences + 1;
        placed = settle(answer(11, _scores, lower));
        this.tooFrequent(placed, lower, NONE, runFrom + occurrences);
        requireFaulty(2, "fault");
    }

    function test_refusesNeighboursThatAreNone() public {
        Placed memory placed = settle(answer(10, _scores, occurrences + 1));
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.NotTheRun.selector, runFrom, int256(0)));
        this.tooFrequent(placed, occurrences + 1, runFrom, runFrom + occurrences);
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.NotTheRun.selector, runFrom - 1, int256(-1)));
        this.tooFrequent(placed, occurrences + 1, runFrom - 1, runFrom - 1);
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.NotTheRun.selector, runFrom - 1, int256(-1)));
        this.tooRare(placed, occurrences + 1, runFrom - 1, runFrom);
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.NotTheRun.selector, runFrom + occurrences, int256(1)));
        this.tooRare(placed, occurrences + 1, runFrom, runFrom + occurrences);
    }

    function test_refusesTextOfAnotherPlace() public {
        Placed memory placed = settle(answer(10, _scores, occurrences - 1));
        Place memory first = spans.opened(runFrom, 0);
        Place memory last = spans.opened(runFrom + occurrences - 1, 139);
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "text"));
        // One of the two starts in the other leaf.
        this.tooRareAt(placed, occurrences - 1, last, first);
        first.suffix.leaf[3] ^= 0x01;
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "suffixes"));
        this.tooRareAt(placed, occurrences - 1, first, last);
    }

    function test_refusesAnIndexOfAnotherSize() public {
        Placed memory placed = settle(answer(10, _scores, occurrences + 1));
        SpanIndex memory index = spans.index();
        index.symbols--;
        Way memory way = Trees.wayOf(leavesOf(_scores, occurrences + 1), 3);
        Place[] memory none = new Place[](0);
        bytes memory tokens = runBytes();
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "index"));
        disputes.spanTooFrequent(placed, tokens, occurrences + 1, way, influenceRoot, index, none, none);
    }

    function test_refusesASpanThatTheAnswerDoesNotCite() public {
        Placed memory placed = settle(answer(10, _scores, occurrences));
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "span"));
        this.tooRare(placed, occurrences - 1, runFrom, runFrom + occurrences - 1);
    }

    function test_refusesRunsLongerThanWhatLeavesRepeat() public {
        run = new uint32[](34);
        Placed memory placed = settle(answer(10, _scores, 1));
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.RunTooLong.selector, 34));
        this.tooRare(placed, 1, runFrom, runFrom + 1);
        run = new uint32[](0);
        placed = settle(answer(11, _scores, 1));
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.RunTooLong.selector, 0));
        this.tooRare(placed, 1, runFrom, runFrom + 1);
    }

    function tooRare(Placed memory placed, uint32 count, uint256 from, uint256 to) external {
        _tooRare(placed, count, spans.at(from), spans.at(to));
    }

    function tooRareAt(Placed memory placed, uint32 count, Place memory first, Place memory last) external {
        _tooRare(placed, count, first, last);
    }

    function tooFrequent(Placed memory placed, uint32 count, uint256 below, uint256 above) external {
        Way memory way = Trees.wayOf(leavesOf(_scores, count), 3);
        disputes.spanTooFrequent(placed, runBytes(), count, way, influenceRoot, spans.index(), _at(below), _at(above));
    }

    function _tooRare(Placed memory placed, uint32 count, Place memory first, Place memory last) private {
        Way memory way = Trees.wayOf(leavesOf(_scores, count), 3);
        disputes.spanTooRare(placed, runBytes(), count, way, influenceRoot, spans.index(), first, last);
    }

    function _at(uint256 place) private view returns (Place[] memory places) {
        if (place == NONE) return places;
        places = new Place[](1);
        places[0] = spans.at(place);
    }
}

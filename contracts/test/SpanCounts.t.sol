// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {Evidence, Placed, Way} from "../src/libraries/Evidence.sol";
import {CitedSpan, Place, SpanCounts, SpanIndex} from "../src/libraries/SpanCounts.sol";
import {DisputeBase, Said} from "./support/DisputeBase.sol";
import {Settled, placedOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice Spans that are cited where they do not occur, or not where they do.
contract SpanCountsTest is DisputeBase {
    function setUp() public {
        setUpDisputes(32);
        require(occurrences > 2 && runFrom > 0, "a run that tells nothing");
    }

    /// @dev Whatever range is cited, one of the places at its ends or the run's shows whether it is the run's.
    function test_showsEveryRangeButTheRight(uint256 from, uint256 count) public {
        Said memory said = truth();
        said.place = uint32(from % SYMBOLS);
        said.occurrences = uint32(count % (SYMBOLS - said.place + 1));
        if (said.place == runFrom && said.occurrences == occurrences) said.occurrences--;
        Settled memory placed = settle(answer(10, said));
        uint256 end = said.place + said.occurrences;
        uint256[4] memory places = [uint256(said.place), end - (end > said.place ? 1 : 0), runFrom, runFrom + occurrences - 1];
        uint256 shown = 0;
        for (uint256 i = 0; i < 4; i++) {
            if (places[i] == SYMBOLS) continue;
            try this.accuse(placed, said, places[i]) {
                shown++;
                takeBack(placed);
                placed = settle(answer(11 + i, said));
            } catch {}
        }
        require(shown > 0, "no place shows it");
    }

    function test_leavesARightRangeAlone() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        for (uint256 place = 0; place < SYMBOLS; place++) {
            VM.expectRevert(abi.encodeWithSelector(Disputes.CountIsRight.selector, place));
            this.accuse(placed, said, place);
        }
    }

    function test_showsARangeThatTheArrayHasNot() public {
        Said memory said = truth();
        said.occurrences = SYMBOLS - said.place + 1;
        Settled memory placed = settle(answer(10, said));
        // Nothing need be opened.
        Place memory nothing;
        this.accuseAt(placed, said, nothing);
        requireFaulty(2, "fault");
    }

    function test_refusesTextOfAnotherPlace() public {
        Said memory said = truth();
        said.occurrences--;
        Settled memory placed = settle(answer(10, said));
        // The run starts in one leaf, this symbol stands in the other.
        Place memory other = spans.opened(runFrom, 139);
        Place memory last = spans.opened(runFrom, 3);
        require(keccak256(other.text.leaf) != keccak256(last.text.leaf), "one leaf");
        Place memory own = spans.at(runFrom);
        bool isFirst = keccak256(own.text.leaf) == keccak256(last.text.leaf);
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "text"));
        this.accuseAt(placed, said, isFirst ? other : last);
        own.suffix.leaf[3] ^= 0x01;
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "suffixes"));
        this.accuseAt(placed, said, own);
        own = spans.at(runFrom);
        own.place = SYMBOLS;
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "suffixes"));
        this.accuseAt(placed, said, own);
    }

    function test_refusesAnIndexOfAnotherSize() public {
        Said memory said = truth();
        Placed memory placed = placedOf(settle(answer(10, said)));
        SpanIndex memory index = spans.index();
        index.symbols--;
        (Way memory way, CitedSpan memory span, Place memory shown) = (spanWay(said), cited(said), spans.at(0));
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "index"));
        disputes.falseCount(placed, span, way, influenceRoot, index, shown);
    }

    function test_refusesASpanThatTheAnswerDoesNotCite() public {
        Settled memory placed = settle(answer(10, truth()));
        Said memory other = truth();
        other.occurrences--;
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "span"));
        this.accuse(placed, other, runFrom + occurrences - 1);
        other = truth();
        other.place++;
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "span"));
        this.accuse(placed, other, runFrom);
    }

    /// @dev Longer than what one leaf holds of the text: where it stands cannot be shown, where it does not it can.
    function test_readsLongRunsAsFarAsTheLeafGoes() public {
        uint32[] memory symbols = new uint32[](400);
        for (uint32 i = 0; i < 400; i++) {
            symbols[i] = 1 + i;
        }
        uint32[] memory long = new uint32[](200);
        for (uint32 i = 0; i < 200; i++) {
            long[i] = 100 + i;
        }
        _useSpans(symbols, long);
        Said memory said = truth();
        equal(said.place, 100, "place");
        Settled memory placed = settle(answer(10, said));
        VM.expectRevert(abi.encodeWithSelector(SpanCounts.RunTooLong.selector, 200));
        this.accuse(placed, said, 100);
        said.place = 99;
        placed = settle(answer(11, said));
        this.accuse(placed, said, 99);
        requireFaulty(placed.header.number, "fault");
    }

    /// @dev At the end of the text a run that would go on does not occur.
    function test_endsWithTheText() public {
        uint32[] memory symbols = new uint32[](6);
        for (uint32 i = 0; i < 6; i++) {
            symbols[i] = 1 + i % 2;
        }
        uint32[] memory pair = new uint32[](2);
        pair[0] = 1;
        _useSpans(symbols, pair);
        Said memory said = truth();
        // The last suffix is the single symbol 2, which stands before the two others that begin with it.
        (said.place, said.occurrences) = (runFrom - 1, 3);
        Settled memory placed = settle(answer(10, said));
        this.accuse(placed, said, runFrom - 1);
        requireFaulty(placed.header.number, "fault");
    }

    function accuse(Settled memory placed, Said memory said, uint256 place) external {
        _accuse(placed, said, spans.at(place));
    }

    function accuseAt(Settled memory placed, Said memory said, Place memory shown) external {
        _accuse(placed, said, shown);
    }

    function _accuse(Settled memory placed, Said memory said, Place memory shown) private {
        disputes.falseCount(placedOf(placed), cited(said), spanWay(said), influenceRoot, spans.index(), shown);
    }
}

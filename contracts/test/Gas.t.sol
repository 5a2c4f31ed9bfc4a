// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ShareProof, SumProof} from "../src/Disputes.sol";
import {Verdict} from "../src/libraries/Cases.sol";
import {Part, Placed, Way} from "../src/libraries/Evidence.sol";
import {CitedSpan, Place, SpanIndex} from "../src/libraries/SpanCounts.sol";
import {BatchHeader, Charge, Endorsement} from "../src/types/Batch.sol";
import {HashedHeader} from "../src/types/Hashed.sol";
import {Said} from "./support/DisputeBase.sol";
import {GasMeter} from "./support/GasMeter.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {Rows} from "./support/Rows.sol";
import {Settled, hashOf, hashed, placedOf} from "./support/Settled.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";
import {PLAIN} from "../src/types/Fault.sol";

/// @notice What batches cost, with 14 endorsements of 21 validators.
contract BatchGas is LedgerBase, GasMeter {
    uint256 private constant SIGNERS = 14;
    uint256 private constant PAYERS = 10;
    uint256 private constant PAYEES = 1024;

    /// The newest posted, and the oldest that is not final.
    BatchHeader private _newest;
    BatchHeader private _oldest;
    uint256[] private _payers;
    address[] private _payees;
    uint256[] private _earned;
    bytes32 private _earnedRoot;

    /// @dev Batches 1 to 3 are posted, 1 and 2 final: the slots hold something, as they will.
    function setUp() public {
        deploySystem();
        VM.deal(address(this), 10_000 ether);
        stakeValidators(21, STAKE_WEI);
        for (uint256 i = 0; i < PAYERS; i++) {
            _payers.push(700 + i);
        }
        _sort(_payers);
        for (uint256 i = 0; i < PAYERS; i++) {
            escrow.deposit{value: 100 ether}(VM.addr(_payers[i]));
        }
        for (uint160 i = 0; i < PAYEES; i++) {
            _payees.push(address(0xBEEF0000 + i));
            _earned.push(1e12 + i);
        }
        _earnedRoot = Trees.sumRoot(_payees, _earned);
        BatchHeader memory first = leaving(1, 1 ether, 0);
        post(first);
        (BatchHeader memory second, Charge[] memory charges) = _collecting(2, 1 ether);
        post(second, charges);
        passTime(WINDOW);
        ledger.finalise(first);
        ledger.finalise(second);
        (_oldest, charges) = _collecting(3, 0);
        post(_oldest, charges);
        _newest = leaving(4, 1 ether, 0);
        post(_newest);
        passTime(WINDOW);
    }

    function test_postLeavingFeesOpen() public {
        BatchHeader memory header = leaving(5, 1 ether, 1 ether);
        Endorsement[] memory signed = endorsements(header, SIGNERS);
        coolAll();
        ledger.post(header, signed, new Charge[](0));
        report("post, fees left open, 14 of 21");
    }

    function test_postCollecting() public {
        (BatchHeader memory header, Charge[] memory charges) = _collecting(5, 1 ether);
        Endorsement[] memory signed = endorsements(header, SIGNERS);
        coolAll();
        ledger.post(header, signed, charges);
        report("post, fees of 10 payers collected, 14 of 21");
    }

    function test_finaliseCollecting() public {
        BatchHeader memory header = _oldest;
        coolAll();
        ledger.finalise(header);
        report("finalise, fees collected");
    }

    function test_claim() public {
        Way memory way = Trees.sumWay(_payees, _earned, 5);
        coolAll();
        payout.claim(_payees[5], _earned[5], way.path, way.siblings);
        report("claim for the first time, 1 of 1,024");
    }

    function test_takeBack() public {
        (BatchHeader memory header, BatchHeader memory before) = (_newest, _oldest);
        VM.prank(address(disputes));
        ledger.fault(header.number, hashOf(header), PLAIN, address(0xACC));
        coolAll();
        ledger.takeBack(header, before);
        report("takeBack");
    }

    function _collecting(uint64 number, uint256 openWei)
        private
        view
        returns (BatchHeader memory header, Charge[] memory charges)
    {
        charges = new Charge[](PAYERS);
        for (uint256 i = 0; i < PAYERS; i++) {
            charges[i] = charge(_payers[i], 1 ether + (i == 0 ? openWei : 0), uint256(number) * 5 ether);
        }
        header = headerFor(number, PAYERS * 1 ether, charges);
        header.collectedWei = header.feeWei + openWei;
        header.payoutRoot = _earnedRoot;
    }

    function _sort(uint256[] storage list) private {
        for (uint256 i = 1; i < list.length; i++) {
            for (uint256 j = i; j > 0 && VM.addr(list[j]) < VM.addr(list[j - 1]); j--) {
                (list[j], list[j - 1]) = (list[j - 1], list[j]);
            }
        }
    }
}

/// @notice What disputes cost, over 512 coordinates and a text of 140 tokens.
contract DisputeGas is JuryBase, GasMeter {
    Settled private _false;
    Said private _said;

    function setUp() public {
        setUpJury(512);
        _said = truth();
        _said.parts[0][2]++;
        _said.occurrences--;
        _false = settle(answer(11, _said));
        openCase();
        drawJurors(1);
    }

    function test_falseScore() public {
        Placed memory shown = placedOf(_false);
        (ShareProof memory claimed, SumProof memory summed) = (shareProof(_said, 0), sumProof(0));
        (Part memory one, Part memory other) = (Rows.part(query, 1, 2), Rows.part(vectors[0], 1, 2));
        coolAll();
        disputes.falseScore(shown, claimed, summed, 2, one, other);
        report("falseScore, 512 coordinates of a byte");
    }

    function test_falseCount() public {
        Placed memory shown = placedOf(_false);
        (CitedSpan memory span, Way memory way) = (cited(_said), spanWay(_said));
        (SpanIndex memory index, Place memory place) = (spans.index(), spans.at(runFrom + occurrences - 1));
        coolAll();
        disputes.falseCount(shown, span, way, influenceRoot, index, place);
        report("falseCount, 140 tokens");
    }

    function test_demand() public {
        HashedHeader memory header = hashed(_false.header);
        uint256 paidWei = bondWei();
        coolAll();
        disputes.demand{value: paidWei}(header, 1);
        report("demand");
    }

    function test_openCase() public {
        Placed memory shown = placedOf(_false);
        address[] memory passedBy = _false.receipt.passedBy;
        uint256 paidWei = bondWei();
        coolAll();
        jury.open{value: paidWei}(shown, passedBy);
        report("jury: open");
    }

    function test_drawJurors() public {
        VM.deal(address(this), 10 ether);
        jury.open{value: bondWei()}(placedOf(_false), _false.receipt.passedBy);
        VM.roll(VM.getBlockNumber() + 3);
        coolAll();
        jury.draw(2);
        report("jury: draw 7 of 7 validators");
    }

    function test_commitVerdict() public {
        coolAll();
        VM.prank(seats[0]);
        jury.commit(1, SALT);
        report("jury: commit");
    }

    function test_decide() public {
        commitSeats(1, 7, Verdict.Fail);
        passTime(121);
        revealSeats(1, 7, Verdict.Fail);
        passTime(121);
        coolAll();
        jury.decide(1);
        report("jury: decide, three accused");
    }
}

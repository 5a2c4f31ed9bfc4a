// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ShareProof, SumProof} from "../src/Disputes.sol";
import {Verdict} from "../src/libraries/Cases.sol";
import {Part, Placed, Way} from "../src/libraries/Evidence.sol";
import {CitedSpan, Place, SpanIndex} from "../src/libraries/SpanCounts.sol";
import {BatchHeader, Charge, Endorsement} from "../src/types/Batch.sol";
import {falseClaim, PLAIN} from "../src/types/Fault.sol";
import {Pedigree} from "../src/types/Model.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {Claim, Vote} from "../src/types/Statement.sol";
import {DisputeBase, Said} from "./support/DisputeBase.sol";
import {GasMeter} from "./support/GasMeter.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {Rows} from "./support/Rows.sol";
import {Settled, hashOf, hashed, placedOf} from "./support/Settled.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

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
        bytes memory data = abi.encodeCall(ledger.post, (header, signed, new Charge[](0)));
        measure("post, fees left open, 14 of 21", address(ledger), data, POSTER, 0);
    }

    function test_postCollecting() public {
        (BatchHeader memory header, Charge[] memory charges) = _collecting(5, 1 ether);
        Endorsement[] memory signed = endorsements(header, SIGNERS);
        bytes memory data = abi.encodeCall(ledger.post, (header, signed, charges));
        measure("post, fees of 10 payers collected, 14 of 21", address(ledger), data, POSTER, 0);
    }

    function test_postSignedByAll() public {
        BatchHeader memory header = leaving(5, 1 ether, 1 ether);
        bytes memory data = abi.encodeCall(ledger.post, (header, endorsements(header, 21), new Charge[](0)));
        measure("post, fees left open, 21 of 21", address(ledger), data, POSTER, 0);
    }

    function test_postTooLate() public {
        BatchHeader memory header = leaving(5, 1 ether, 1 ether);
        post(header);
        bytes memory data = abi.encodeCall(ledger.post, (header, endorsements(header, SIGNERS), new Charge[](0)));
        measureRefused("post, too late, 14 of 21", address(ledger), data, POSTER);
        data = abi.encodeCall(ledger.post, (header, endorsements(header, 21), new Charge[](0)));
        measureRefused("post, too late, 21 of 21", address(ledger), data, POSTER);
    }

    function test_finaliseTooLate() public {
        ledger.finalise(_oldest);
        measureRefused("finalise, too late", address(ledger), abi.encodeCall(ledger.finalise, (_oldest)), address(this));
    }

    function test_takeBackTooLate() public {
        bytes memory data = abi.encodeCall(ledger.takeBack, (_newest, _oldest));
        measureRefused("takeBack, too late", address(ledger), data, address(this));
    }

    function test_postCollectingFromOne() public {
        (BatchHeader memory header, Charge[] memory charges) = _collecting(5, 1 ether, 1);
        bytes memory data = abi.encodeCall(ledger.post, (header, endorsements(header, SIGNERS), charges));
        measure("post, fees of 1 payer collected, 14 of 21", address(ledger), data, POSTER, 0);
    }

    function test_giveBack() public {
        _giveBack(PAYERS, "giveBack, 10 payers");
    }

    function test_giveBackToOne() public {
        _giveBack(1, "giveBack, 1 payer");
    }

    function test_finaliseAll() public {
        BatchHeader[] memory headers = new BatchHeader[](2);
        (headers[0], headers[1]) = (_oldest, _newest);
        measure("finaliseAll, 2 batches", address(ledger), abi.encodeCall(ledger.finaliseAll, (headers)));
    }

    function test_finaliseCollecting() public {
        measure("finalise, fees collected", address(ledger), abi.encodeCall(ledger.finalise, (_oldest)));
    }

    function test_claim() public {
        Way memory way = Trees.sumWay(_payees, _earned, 5);
        bytes memory data = abi.encodeCall(payout.claim, (_payees[5], _earned[5], way.path, way.siblings));
        measure("claim for the first time, 1 of 1,024", address(payout), data);
    }

    function test_takeBack() public {
        (BatchHeader memory header, BatchHeader memory before) = (_newest, _oldest);
        VM.prank(address(disputes));
        ledger.fault(header.number, hashOf(header), PLAIN, address(0xACC));
        measure("takeBack", address(ledger), abi.encodeCall(ledger.takeBack, (header, before)));
    }

    function _giveBack(uint256 payers, string memory what) private {
        (BatchHeader memory header, Charge[] memory charges) = _collecting(5, 1 ether, payers);
        post(header, charges);
        VM.prank(address(disputes));
        ledger.fault(header.number, hashOf(header), PLAIN, address(0xACC));
        ledger.takeBack(header, _newest);
        measure(what, address(ledger), abi.encodeCall(ledger.giveBack, (header, charges)));
    }

    function _collecting(uint64 number, uint256 openWei)
        private
        view
        returns (BatchHeader memory header, Charge[] memory charges)
    {
        return _collecting(number, openWei, PAYERS);
    }

    function _collecting(uint64 number, uint256 openWei, uint256 payers)
        private
        view
        returns (BatchHeader memory header, Charge[] memory charges)
    {
        charges = new Charge[](payers);
        for (uint256 i = 0; i < payers; i++) {
            charges[i] = charge(_payers[i], 1 ether + (i == 0 ? openWei : 0), uint256(number) * 5 ether);
        }
        header = headerFor(number, payers * 1 ether, charges);
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
        bytes memory data = abi.encodeCall(disputes.falseScore, (shown, claimed, summed, 2, one, other));
        measure("falseScore, 512 coordinates of a byte", address(disputes), data);
    }

    function test_falseCount() public {
        Placed memory shown = placedOf(_false);
        (CitedSpan memory span, Way memory way) = (cited(_said), spanWay(_said));
        (SpanIndex memory index, Place memory place) = (spans.index(), spans.at(runFrom + occurrences - 1));
        bytes memory data = abi.encodeCall(disputes.falseCount, (shown, span, way, influenceRoot, index, place));
        measure("falseCount, 140 tokens", address(disputes), data);
    }

    function test_demand() public {
        bytes memory data = abi.encodeCall(disputes.demand, (hashed(_false.header), 1));
        measure("demand", address(disputes), data, address(this), bondWei());
    }

    function test_show() public {
        disputes.demand{value: bondWei()}(hashed(_false.header), _false.index);
        bytes memory data =
            abi.encodeCall(disputes.show, (hashed(_false.header), _false.receipt, _false.index, _false.siblings));
        measure("show, 1 of 4", address(disputes), data);
    }

    function test_foreclose() public {
        disputes.demand{value: bondWei()}(hashed(_false.header), 1);
        passTime(1 days);
        bytes memory data = abi.encodeCall(disputes.foreclose, (hashOf(_false.header), 1));
        measure("foreclose", address(disputes), data);
    }

    function test_claimedTwice() public {
        (Claim memory one, Claim memory other) = (_claim("bafyone"), _claim("bafyother"));
        bytes memory first = _signed(WORKER_KEY, exposed.hashClaim(one));
        bytes memory second = _signed(WORKER_KEY, exposed.hashClaim(other));
        bytes memory data = abi.encodeCall(disputes.claimedTwice, (one, first, other, second));
        measure("claimedTwice", address(disputes), data);
    }

    function test_votedTwice() public {
        (Vote memory one, Vote memory other) = (_vote("pass"), _vote("fail"));
        bytes memory first = _signed(validatorKeys[1], exposed.hashVote(one));
        bytes memory second = _signed(validatorKeys[1], exposed.hashVote(other));
        bytes memory data = abi.encodeCall(disputes.votedTwice, (one, first, other, second));
        measure("votedTwice", address(disputes), data);
    }

    function test_falselySaid() public {
        Claim memory claim = _claim("bafyone");
        bytes32 claimHash = exposed.hashClaim(claim);
        Vote memory vote = _vote("pass");
        vote.claim = ledger.digestOf(claimHash);
        fault(_false.header, falseClaim(vote.claim), address(0));
        takeBack(_false);
        bytes32 header = hashOf(_false.header);
        bytes memory data = abi.encodeCall(disputes.claimedFalsely, (header, claim, _signed(WORKER_KEY, claimHash)));
        measure("claimedFalsely", address(disputes), data);
        bytes memory signed = _signed(validatorKeys[1], exposed.hashVote(vote));
        measure("passedFalsely", address(disputes), abi.encodeCall(disputes.passedFalsely, (header, vote, signed)));
    }

    function test_openCase() public {
        Placed memory shown = placedOf(_false);
        bytes memory data = abi.encodeCall(jury.open, (shown, _false.receipt.passedBy));
        measure("jury: open", address(jury), data, address(this), bondWei());
    }

    function test_openUnseen() public {
        bytes[] memory signatures = signaturesOf(openingsOf(2));
        Placed memory shown = placedOf(placed);
        bytes memory data = abi.encodeCall(jury.openUnseen, (shown, openingsOf(2), signatures));
        measure("jury: openUnseen, two accused", address(jury), data, address(this), bondWei());
    }

    function test_drawJurors() public {
        VM.deal(address(this), 10 ether);
        jury.open{value: bondWei()}(placedOf(_false), _false.receipt.passedBy);
        VM.roll(VM.getBlockNumber() + 3);
        measure("jury: draw 7 of 7 validators", address(jury), abi.encodeCall(jury.draw, (2)));
    }

    function test_commitVerdict() public {
        measure("jury: commit", address(jury), abi.encodeCall(jury.commit, (1, SALT)), seats[0], 0);
    }

    function test_revealVerdict() public {
        commitSeats(1, 7, Verdict.Fail);
        passTime(121);
        bytes memory data = abi.encodeCall(jury.reveal, (1, Verdict.Fail, SALT));
        measure("jury: reveal", address(jury), data, seats[0], 0);
    }

    function test_withdrawFromJury() public {
        commitSeats(1, 7, Verdict.Fail);
        passTime(121);
        revealSeats(1, 7, Verdict.Fail);
        passTime(121);
        jury.decide(1);
        measure("jury: withdraw", address(jury), abi.encodeCall(jury.withdraw, ()), CHALLENGER, 0);
    }

    function test_decide() public {
        commitSeats(1, 7, Verdict.Fail);
        passTime(121);
        revealSeats(1, 7, Verdict.Fail);
        passTime(121);
        measure("jury: decide, three accused", address(jury), abi.encodeCall(jury.decide, (1)));
    }

    function _claim(string memory output) private pure returns (Claim memory claim) {
        claim.jobId = keccak256("job");
        claim.worker = VM.addr(WORKER_KEY);
        claim.output = output;
        claim.issuedAtMs = START * 1000;
    }

    function _vote(string memory verdict) private view returns (Vote memory vote) {
        vote.claim = keccak256("claim");
        vote.validator = validator(1);
        vote.verdict = verdict;
        vote.seal = keccak256("seal");
        vote.issuedAtMs = START * 1000;
    }

    function _signed(uint256 key, bytes32 hash) private view returns (bytes memory) {
        return signature(key, typed(address(ledger), hash));
    }
}

/// @notice What it costs to register an adapter.
contract ModelGas is DisputeBase, GasMeter {
    function setUp() public {
        setUpDisputes(32);
    }

    function test_register() public {
        Receipt memory tune = receiptOf(77);
        (tune.task, tune.adapter, tune.requester) = ("fine-tune", "", address(this));
        Settled memory settled = settle(tune);
        passTime(WINDOW);
        ledger.finalise(settled.header);
        Pedigree memory pedigree;
        pedigree.owner = address(this);
        bytes memory data =
            abi.encodeCall(models.register, (settled.header, tune, settled.index, settled.siblings, pedigree));
        measure("register, 1 of 4", address(models), data);
    }
}

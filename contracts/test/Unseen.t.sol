// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Jury} from "../src/Jury.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Stage} from "../src/libraries/Cases.sol";
import {Evidence} from "../src/libraries/Evidence.sol";
import {Openings} from "../src/libraries/Openings.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {Param} from "../src/types/Param.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {Opening} from "../src/types/Statement.sol";
import {JuryBase} from "./support/JuryBase.sol";
import {placedOf} from "./support/Settled.sol";
import {VM, Vm} from "./support/Vm.sol";

/// @notice How a case is opened over validators that passed an answer unseen, and who sits on its jury.
contract UnseenTest is JuryBase {
    function setUp() public {
        setUpJury(32);
    }

    function test_opensACaseForItsBond() public {
        equal(openUnseen(openingsOf(2)), 1, "number");
        equal(address(jury).balance, bondWei(), "bond");
        equal(jury.caseOf(keccak256(abi.encode(placed.receipt.claim, MADE_UP))), 1, "by transcript");
        equal(jury.caseOf(placed.receipt.claim), 0, "by claim");
        requireStage(1, Stage.Opened);
    }

    function test_refusesAnotherBond() public {
        uint256 expectedWei = bondWei();
        bytes[] memory signatures = signaturesOf(openingsOf(2));
        VM.expectRevert(abi.encodeWithSelector(Jury.WrongBond.selector, 0, expectedWei));
        jury.openUnseen(placedOf(placed), openingsOf(2), signatures);
    }

    function test_opensOneCaseForATranscript() public {
        openUnseen(openingsOf(2));
        bytes32 subject = keccak256(abi.encode(placed.receipt.claim, MADE_UP));
        _refuse(openingsOf(2), abi.encodeWithSelector(Jury.AlreadyInDispute.selector, subject, 1));
        Opening[] memory another = openingsOf(2);
        (another[0].transcript, another[1].transcript) = (~MADE_UP, ~MADE_UP);
        equal(openUnseen(another), 2, "another transcript");
    }

    function test_tellsWhatACaseIsAbout() public {
        VM.recordLogs();
        openUnseen(openingsOf(2));
        require(_toldTranscript() == MADE_UP, "transcript");
        VM.recordLogs();
        openCase();
        require(_toldTranscript() == 0, "claim");
    }

    function test_letsTheBatchBecomeFinal() public {
        openUnseen(openingsOf(2));
        passTime(WINDOW);
        ledger.finalise(placed.header);
    }

    function test_opensNoCaseOfWhatIsNotInAnOpenBatch() public {
        Opening[] memory openings = openingsOf(2);
        placed.receipt.units++;
        VM.expectPartialRevert(Evidence.NotInBatch.selector);
        this.openOnceMore(openings);
        placed.receipt.units--;
        passTime(WINDOW);
        ledger.finalise(placed.header);
        _refuse(openings, abi.encodeWithSelector(Batches.AlreadyFinal.selector, 2));
    }

    /// @dev The witness of a fine-tune was proved against the worker's own seals.
    function test_refusesFineTunes() public {
        Receipt memory tune = doubtful();
        tune.task = "fine-tune";
        placed = settle(tune);
        _refuse(openingsOf(2), abi.encodeWithSelector(Openings.NotAnAnswer.selector, keccak256("fine-tune")));
    }

    /// @dev A ring would give up one of its own, and a case about the others would come too late.
    function test_refusesToLeaveOneOut() public {
        _refusePassers(openingsOf(1));
        Opening[] memory openings = new Opening[](1);
        openings[0] = openingBy(1);
        _refusePassers(openings);
    }

    /// @dev One who has opened the same, and did not count, could be accused.
    function test_refusesToNameAnother() public {
        _refusePassers(openingsOf(3));
        Opening[] memory openings = openingsOf(2);
        openings[1] = openingBy(2);
        _refusePassers(openings);
        openings[1] = openingBy(0);
        _refusePassers(openings);
        (openings[0], openings[1]) = (openingBy(1), openingBy(0));
        _refusePassers(openings);
    }

    function test_refusesCountsThatDoNotFit() public {
        _refuse(openingsOf(0), abi.encodeWithSelector(Openings.WrongCount.selector, 0, 0));
        bytes memory refusal = abi.encodeWithSelector(Openings.WrongCount.selector, 2, 1);
        _refuse(openingsOf(2), signaturesOf(openingsOf(1)), refusal);
        refusal = abi.encodeWithSelector(Openings.WrongCount.selector, 1, 2);
        _refuse(openingsOf(1), signaturesOf(openingsOf(2)), refusal);
    }

    function test_refusesOpeningsOfAnotherClaim() public {
        for (uint256 i = 0; i < 2; i++) {
            Opening[] memory openings = openingsOf(2);
            openings[i].claim = keccak256("another");
            _refuse(openings, _another(openings[i]));
        }
    }

    function test_refusesAnotherTranscriptThanTheFirst() public {
        Opening[] memory openings = openingsOf(2);
        openings[1].transcript = ~MADE_UP;
        _refuse(openings, _another(openings[1]));
    }

    /// @dev Zero is what a case about the claim itself has for a transcript.
    function test_refusesAnOpeningOfNothing() public {
        Opening[] memory openings = openingsOf(2);
        (openings[0].transcript, openings[1].transcript) = (0, 0);
        _refuse(openings, abi.encodeWithSelector(Openings.NothingOpened.selector, placed.receipt.claim));
    }

    function test_refusesAnothersSignature() public {
        Opening[] memory openings = openingsOf(2);
        bytes[] memory signatures = signaturesOf(openings);
        bytes32 digest = typed(address(ledger), exposed.hashOpening(openings[1]));
        signatures[1] = signature(validatorKeys[0], digest);
        bytes memory refusal = abi.encodeWithSelector(Signatures.BadSignature.selector, validator(0), validator(1));
        _refuse(openings, signatures, refusal);
    }

    function test_refusesWhatWasNotSignedLikeThis() public {
        bytes[] memory signatures = signaturesOf(openingsOf(2));
        Opening[] memory openings = openingsOf(2);
        openings[1].issuedAtMs++;
        _refuseSignatures(openings, signatures);
        openings = openingsOf(2);
        openings[0].siblings = new bytes32[](1);
        _refuseSignatures(openings, signatures);
        openings = openingsOf(2);
        (openings[0].transcript, openings[1].transcript) = (~MADE_UP, ~MADE_UP);
        _refuseSignatures(openings, signatures);
    }

    function test_refusesTheOtherFormOfASignatureAndOneForAnotherLedger() public {
        Opening[] memory openings = openingsOf(2);
        bytes[] memory signatures = signaturesOf(openings);
        signatures[1] = withHighS(signatures[1]);
        _refuseSignatures(openings, signatures);
        signatures[1] = signature(validatorKeys[1], typed(address(0xBAD), exposed.hashOpening(openings[1])));
        _refuseSignatures(openings, signatures);
    }

    function test_seatsNobodyWhoIsAccused() public {
        drawJurors(openUnseen(openingsOf(2)));
        _requireUnseated(validator(0));
        _requireUnseated(validator(1));
    }

    function test_seatsNotTheChallenger() public {
        uint256 paidWei = bondWei();
        VM.deal(validator(2), paidWei);
        bytes[] memory signatures = signaturesOf(openingsOf(2));
        VM.prank(validator(2));
        drawJurors(
            jury.openUnseen{value: paidWei}(placedOf(placed), openingsOf(2), signatures)
        );
        _requireUnseated(validator(2));
    }

    /// @dev All others have left: under its new key the accused would have every seat.
    function test_seatsNoAccusedUnderAnotherKey() public {
        uint256 number = openUnseen(openingsOf(2));
        for (uint256 i = 1; i < 7; i++) {
            vault.requestExit(validator(i));
        }
        vault.rotate(validator(0), VM.addr(77), consent(77, address(this), VALIDATOR, 0));
        drawJurors(number);
        equal(seats.length, 0, "seats");
    }

    function openOnceMore(Opening[] memory openings) external {
        openUnseen(openings);
    }

    function _refuse(Opening[] memory openings, bytes memory refusal) private {
        _refuse(openings, signaturesOf(openings), refusal);
    }

    function _refuse(Opening[] memory openings, bytes[] memory signatures, bytes memory refusal) private {
        uint256 paidWei = bondWei();
        VM.expectRevert(refusal);
        jury.openUnseen{value: paidWei}(placedOf(placed), openings, signatures);
    }

    function _refuseSignatures(Opening[] memory openings, bytes[] memory signatures) private {
        uint256 paidWei = bondWei();
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        jury.openUnseen{value: paidWei}(placedOf(placed), openings, signatures);
    }

    function _refusePassers(Opening[] memory openings) private {
        _refuse(openings, abi.encodeWithSelector(Evidence.NotCommitted.selector, "passedBy"));
    }

    function _another(Opening memory opening) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            Openings.OpensAnother.selector, opening.validator, opening.claim, opening.transcript
        );
    }

    function _requireUnseated(address node) private view {
        equal(seats.length, rules.valueAt(Param.JurySeats, rules.epoch()), "seats");
        for (uint256 i = 0; i < seats.length; i++) {
            require(seats[i] != node, "seated");
        }
    }

    /// @dev What the jury's last log says behind challenger and block.
    function _toldTranscript() private returns (bytes32 transcript) {
        Vm.Log[] memory logs = VM.getRecordedLogs();
        require(logs[logs.length - 1].topics[0] == Jury.CaseOpened.selector, "log");
        (,, transcript) = abi.decode(logs[logs.length - 1].data, (address, uint64, bytes32));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stage, Verdict} from "../../src/libraries/Cases.sol";
import {Param} from "../../src/types/Param.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {Opening} from "../../src/types/Statement.sol";
import {DisputeBase} from "./DisputeBase.sol";
import {Settled, placedOf} from "./Settled.sol";
import {VM} from "./Vm.sol";

/// @notice Seven validators, of whom the first two passed a claim that somebody doubts.
abstract contract JuryBase is DisputeBase {
    address internal constant CHALLENGER = address(0xCA11);
    bytes32 internal constant SALT = keccak256("salt");
    bytes32 internal constant MADE_UP = keccak256("a transcript that nobody has seen");
    uint256 internal constant FIRST_KEY = 4000;

    Settled internal placed;
    address[] internal seats;

    function setUpJury(uint256 coordinates) internal {
        setUpDisputes(coordinates);
        for (uint256 i = 0; i < 4; i++) {
            stakeFor(FIRST_KEY + i, VALIDATOR, STAKE_WEI);
        }
        for (uint256 i = 0; i < 4; i++) {
            validatorKeys.push(FIRST_KEY + i);
        }
        _sort();
        placed = settle(doubtful());
        VM.deal(CHALLENGER, 100 ether);
        VM.roll(1000);
    }

    function doubtful() internal view returns (Receipt memory receipt) {
        receipt = receiptOf(10);
        receipt.passedBy = new address[](2);
        (receipt.passedBy[0], receipt.passedBy[1]) = (validator(0), validator(1));
    }

    function openCase() internal returns (uint256 number) {
        uint256 paidWei = bondWei();
        VM.prank(CHALLENGER);
        number = jury.open{value: paidWei}(placedOf(placed), placed.receipt.passedBy);
    }

    /// @notice What a validator says that it saw of the doubtful claim.
    function openingBy(uint256 index) internal view returns (Opening memory opening) {
        opening.jobId = placed.receipt.jobId;
        opening.claim = placed.receipt.claim;
        opening.validator = validator(index);
        opening.transcript = MADE_UP;
        opening.issuedAtMs = START * 1000;
    }

    /// @notice What the first `count` validators opened.
    function openingsOf(uint256 count) internal view returns (Opening[] memory openings) {
        openings = new Opening[](count);
        for (uint256 i = 0; i < count; i++) {
            openings[i] = openingBy(i);
        }
    }

    /// @notice Each with the key of the validator that it names.
    function signaturesOf(Opening[] memory openings) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](openings.length);
        for (uint256 i = 0; i < openings.length; i++) {
            bytes32 digest = typed(address(ledger), exposed.hashOpening(openings[i]));
            for (uint256 j = 0; j < validatorKeys.length; j++) {
                if (validator(j) == openings[i].validator) signatures[i] = signature(validatorKeys[j], digest);
            }
        }
    }

    function openUnseen(Opening[] memory openings) internal returns (uint256 number) {
        uint256 paidWei = bondWei();
        bytes[] memory signatures = signaturesOf(openings);
        VM.prank(CHALLENGER);
        number = jury.openUnseen{value: paidWei}(placedOf(placed), openings, signatures);
    }

    function drawJurors(uint256 number) internal {
        VM.roll(VM.getBlockNumber() + 3);
        jury.draw(number);
        (,,,,,, seats) = jury.caseAt(number);
    }

    /// @notice The jurors of the first `count` seats commit to a verdict; a juror with several seats does so once.
    function commitSeats(uint256 number, uint256 count, Verdict verdict) internal {
        for (uint256 i = 0; i < count; i++) {
            if (!isFirstSeat(i)) continue;
            bytes32 sealed_ = keccak256(abi.encode(number, seats[i], verdict, SALT));
            VM.prank(seats[i]);
            jury.commit(number, sealed_);
        }
    }

    function revealSeats(uint256 number, uint256 count, Verdict verdict) internal {
        for (uint256 i = 0; i < count; i++) {
            if (!isFirstSeat(i)) continue;
            VM.prank(seats[i]);
            jury.reveal(number, verdict, SALT);
        }
    }

    function isFirstSeat(uint256 seat) internal view returns (bool) {
        for (uint256 i = 0; i < seat; i++) {
            if (seats[i] == seats[seat]) return false;
        }
        return true;
    }

    /// @notice Seats of the jurors of the first `count` seats, later ones of theirs included.
    function seatsOf(uint256 count) internal view returns (uint256 held) {
        for (uint256 i = 0; i < seats.length; i++) {
            for (uint256 j = 0; j < count; j++) {
                if (seats[i] != seats[j]) continue;
                held++;
                break;
            }
        }
    }

    /// @notice Through the whole case with one verdict of the jurors of the first `count` seats.
    function hear(uint256 number, uint256 count, Verdict verdict) internal {
        drawJurors(number);
        commitSeats(number, count, verdict);
        passTime(uint256(rules.valueAt(Param.CommitSeconds, rules.epoch())) + 1);
        revealSeats(number, count, verdict);
        passTime(uint256(rules.valueAt(Param.RevealSeconds, rules.epoch())) + 1);
    }

    function stageOf(uint256 number) internal view returns (Stage stage) {
        (,, stage,,,,) = jury.caseAt(number);
    }

    function requireStage(uint256 number, Stage expected) internal view {
        equal(uint256(stageOf(number)), uint256(expected), "stage");
    }

    function _sort() private {
        for (uint256 i = 1; i < validatorKeys.length; i++) {
            for (uint256 j = i; j > 0 && VM.addr(validatorKeys[j]) < VM.addr(validatorKeys[j - 1]); j--) {
                (validatorKeys[j], validatorKeys[j - 1]) = (validatorKeys[j - 1], validatorKeys[j]);
            }
        }
    }
}

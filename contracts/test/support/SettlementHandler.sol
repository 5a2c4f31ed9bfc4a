// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stage, Verdict} from "../../src/libraries/Cases.sol";
import {Param} from "../../src/types/Param.sol";
import {Opening} from "../../src/types/Statement.sol";
import {BatchActions} from "./BatchActions.sol";
import {Settled, hashOf, hashed, placedOf} from "./Settled.sol";
import {StakeActions} from "./StakeActions.sol";
import {VM} from "./Vm.sol";

/// @notice A whole network's dealings with the contracts, in any order, its disputes included.
contract SettlementHandler is BatchActions, StakeActions {
    bytes32 private constant SALT = keccak256("salt");

    struct Asked {
        uint256 place;
        uint256 index;
        uint256 bondWei;
    }

    /// Demands that are open, and cases that are not decided.
    Asked[] private _asked;
    uint256[] private _cases;
    uint256 public bondsWei;
    uint256 public caseBondsWei;
    uint256 public decided;
    uint256 public ended;
    mapping(uint256 number => uint256) private _placeOf;
    /// Cases over who has passed an answer, which leave the answer alone.
    mapping(uint256 number => bool) private _isUnseen;

    function demand(uint256 seed) external step {
        uint256 place = _openPlace(seed);
        if (place == 0) return;
        uint256 bondWei = _bondWei();
        fund(bondWei);
        try disputes.demand{value: bondWei}(hashed(kept[place].header), seed % RECEIPTS) {
            _asked.push(Asked(place, seed % RECEIPTS, bondWei));
            bondsWei += bondWei;
        } catch {}
    }

    function show(uint256 seed) external step {
        if (_asked.length == 0) return;
        Asked memory one = _asked[seed % _asked.length];
        Settled memory shown = settledAt(one.place, one.index);
        VM.prank(REPORTER);
        disputes.show(hashed(shown.header), shown.receipt, shown.index, shown.siblings);
        _end(seed % _asked.length);
    }

    function foreclose(uint256 seed) external step {
        if (_asked.length == 0) return;
        Asked memory one = _asked[seed % _asked.length];
        try disputes.foreclose(hashOf(kept[one.place].header), one.index) {
            if (!kept[one.place].isVoid) _noteFault(kept[one.place].header.number);
            _end(seed % _asked.length);
        } catch {}
    }

    function openCase(uint256 seed) external step {
        uint256 place = _openPlace(seed);
        if (place == 0) return;
        uint256 bondWei = _bondWei();
        fund(bondWei);
        Settled memory doubted = settledAt(place, seed % RECEIPTS);
        try jury.open{value: bondWei}(placedOf(doubted), doubted.receipt.passedBy) returns (uint256 number) {
            _noteCase(number, place, bondWei);
        } catch {}
    }

    /// @notice Doubts that the auditor has run an answer. Of each it opens one of two transcripts.
    function openUnseen(uint256 seed) external step {
        uint256 place = _openPlace(seed);
        if (place == 0) return;
        uint256 bondWei = _bondWei();
        fund(bondWei);
        Settled memory passed = settledAt(place, seed % RECEIPTS);
        Opening[] memory openings = new Opening[](1);
        openings[0].claim = passed.receipt.claim;
        openings[0].validator = VM.addr(AUDITOR_KEY);
        openings[0].transcript = bytes32(1 + (seed >> 1) % 2);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature(AUDITOR_KEY, typed(address(ledger), exposed.hashOpening(openings[0])));
        try jury.openUnseen{value: bondWei}(placedOf(passed), openings, signatures) returns (uint256 number) {
            _noteCase(number, place, bondWei);
            _isUnseen[number] = true;
        } catch {}
    }

    /// @notice Takes a case one step further: its draw, all commitments, all verdicts, its end.
    function hear(uint256 seed) external step {
        if (_cases.length == 0) return;
        uint256 number = _cases[seed % _cases.length];
        (,, Stage stage, uint64 seedBlock,,, address[] memory seats) = jury.caseAt(number);
        if (stage == Stage.Opened) {
            VM.roll(block.number > seedBlock ? block.number : uint256(seedBlock) + 1);
            jury.draw(number);
            return;
        }
        Verdict verdict = Verdict(1 + (seed >> 8) % 3);
        _speak(number, seats, verdict, seed >> 16);
        _decide(number, seed % _cases.length);
    }

    /// @dev Whoever is owed money by the jury fetches it.
    function fetch(uint256 seed) external step {
        address account = seed % 2 == 0 ? address(this) : accounts[(seed >> 1) % accounts.length];
        if (jury.owedWei(account) == 0) return;
        VM.prank(account);
        jury.withdraw();
    }

    function juryOwesWei() external view returns (uint256 sumWei) {
        sumWei = jury.owedWei(address(this));
        for (uint256 i = 0; i < accounts.length; i++) {
            sumWei += jury.owedWei(accounts[i]);
        }
    }

    /// @dev Some jurors stay silent: the bits of `who` say which speak.
    function _speak(uint256 number, address[] memory seats, Verdict verdict, uint256 who) private {
        bytes32[] memory sealed_ = new bytes32[](seats.length);
        for (uint256 i = 0; i < seats.length; i++) {
            sealed_[i] = keccak256(abi.encode(number, seats[i], verdict, SALT));
            if (who >> i & 3 == 0) continue;
            VM.prank(seats[i]);
            try jury.commit(number, sealed_[i]) {} catch {}
        }
        (,,,, uint64 commitUntil,,) = jury.caseAt(number);
        if (block.timestamp <= commitUntil) VM.warp(uint256(commitUntil) + 1);
        for (uint256 i = 0; i < seats.length; i++) {
            VM.prank(seats[i]);
            try jury.reveal(number, verdict, SALT) {} catch {}
        }
    }

    function _decide(uint256 number, uint256 index) private {
        (,,,,, uint64 revealUntil,) = jury.caseAt(number);
        if (VM.getBlockTimestamp() <= revealUntil) VM.warp(uint256(revealUntil) + 1);
        uint256 place = _placeOf[number];
        jury.decide(number);
        (,, Stage stage,,,,) = jury.caseAt(number);
        if (stage == Stage.Upheld && !_isUnseen[number] && !kept[place].isVoid) _noteFault(kept[place].header.number);
        caseBondsWei -= _bondWei();
        decided++;
        _cases[index] = _cases[_cases.length - 1];
        _cases.pop();
    }

    function _noteCase(uint256 number, uint256 place, uint256 bondWei) private {
        _cases.push(number);
        _placeOf[number] = place;
        caseBondsWei += bondWei;
    }

    function _end(uint256 index) private {
        bondsWei -= _asked[index].bondWei;
        _asked[index] = _asked[_asked.length - 1];
        _asked.pop();
        ended++;
    }

    function _noteFault(uint64 number) private {
        if (faulty == 0 || faulty > number) faulty = number;
    }

    /// @dev Place of a batch that is not final; 0 where all are.
    function _openPlace(uint256 seed) private view returns (uint256) {
        if (posted == finalised) return 0;
        return places[uint64(clamp(seed >> 4, uint256(finalised) + 1, posted))];
    }

    function _bondWei() private view returns (uint256) {
        return uint256(rules.valueAt(Param.ChallengeBondGwei, rules.epoch())) * 1 gwei;
    }
}

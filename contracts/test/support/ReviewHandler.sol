// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DatanetRegistry} from "../../src/DatanetRegistry.sol";
import {Bond} from "../../src/libraries/Bonds.sol";
import {Purses} from "../../src/libraries/Purses.sol";
import {Ballot, Review, Verdict} from "../../src/libraries/Reviews.sol";
import {Contribution} from "../../src/types/Contribution.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/**
 * @notice People who contribute, flag each other and themselves, vote and take their money, in any order. Keeps its own
 * books to compare with.
 */
contract ReviewHandler {
    DatanetRegistry private immutable REGISTRY;
    uint256 private immutable DATANET;

    uint256 public constant PEOPLE = 4;
    uint256 public constant VALIDATORS = 3;
    bytes32 private constant SALT = keccak256("salt");

    /// What came in and what was paid out, in wei.
    uint256 public paidInWei;
    uint256 public paidOutWei;
    /// How far runs get.
    uint256 public found;
    uint256 public cleared;
    uint256 public withdrawals;
    /// Reviews after which winners had got more than was burned.
    uint256 public greedy;
    uint256 public reviews;

    Contribution[] private _list;
    mapping(uint256 reviewId => mapping(address validator => bool)) private _votes;

    constructor(DatanetRegistry registry, uint256 datanetId, Contribution[] memory list) {
        REGISTRY = registry;
        DATANET = datanetId;
        for (uint256 i = 0; i < list.length; i++) {
            _list.push(list[i]);
        }
    }

    function person(uint256 seed) public pure returns (address) {
        return address(uint160(0x10000 + seed % PEOPLE));
    }

    function validator(uint256 seed) public pure returns (address) {
        return address(uint160(0x20000 + seed % VALIDATORS));
    }

    function bond(uint256 seed, uint96 extraWei) external {
        address who = person(seed);
        if (REGISTRY.bondOf(DATANET, who).exitAt != 0) return;
        uint256 amountWei = REGISTRY.minimumBondWei(DATANET) + extraWei;
        VM.deal(who, who.balance + amountWei);
        VM.prank(who);
        REGISTRY.bond{value: amountWei}(DATANET);
        paidInWei += amountWei;
    }

    function requestExit(uint256 seed) external {
        Bond memory known = REGISTRY.bondOf(DATANET, person(seed));
        if (known.amountWei == 0 || known.exitAt != 0) return;
        VM.prank(person(seed));
        REGISTRY.requestBondExit(DATANET);
    }

    /// @dev Tried at any time; what it pays is noted, whether it ought to or not.
    function withdrawBond(uint256 seed) external {
        _take(person(seed), abi.encodeCall(REGISTRY.withdrawBond, (DATANET)));
    }

    function withdraw(uint256 seed) external {
        _take(person(seed), abi.encodeCall(REGISTRY.withdraw, ()));
    }

    function flag(uint256 seed, uint256 which) external {
        address who = person(seed);
        uint256 index = which % _list.length;
        bytes32[] memory leaves = new bytes32[](_list.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            Contribution memory one = _list[i];
            leaves[i] = keccak256(abi.encodePacked(one.contributor, one.nameHash, one.licenceHash, one.textHash));
        }
        uint256 amountWei = REGISTRY.flagBondWei();
        VM.deal(who, who.balance + amountWei);
        bytes32[] memory siblings = Trees.proof(leaves, index);
        VM.prank(who);
        try REGISTRY.flag{value: amountWei}(DATANET, 1, _list[index], index, siblings) {
            paidInWei += amountWei;
            reviews++;
        } catch {
            // It was flagged before.
            VM.deal(who, who.balance - amountWei);
        }
    }

    function commitVote(uint256 seed, uint256 which, bool spam) external {
        uint256 reviewId = 1 + which % (reviews + 1);
        Review memory known = REGISTRY.review(reviewId);
        if (known.verdict != Verdict.Open || block.timestamp >= known.commitUntil) return;
        address who = validator(seed);
        Ballot memory ballot = REGISTRY.ballot(reviewId, who);
        if (ballot.seal != 0) return;
        VM.prank(who);
        REGISTRY.commitVote(reviewId, keccak256(abi.encode(reviewId, who, spam, SALT)));
        _votes[reviewId][who] = spam;
    }

    /// @dev Every vote that was sealed, so that runs get to verdicts.
    function revealVotes(uint256 which) external {
        uint256 reviewId = 1 + which % (reviews + 1);
        Review memory known = REGISTRY.review(reviewId);
        if (known.verdict != Verdict.Open) return;
        if (block.timestamp < known.commitUntil) VM.warp(known.commitUntil);
        if (block.timestamp >= known.revealUntil) return;
        for (uint256 i = 0; i < VALIDATORS; i++) {
            if (REGISTRY.ballot(reviewId, validator(i)).seal == 0) continue;
            bool spam = _votes[reviewId][validator(i)];
            VM.prank(validator(i));
            REGISTRY.revealVote(reviewId, spam, SALT);
        }
    }

    function close(uint256 which) external {
        uint256 reviewId = 1 + which % (reviews + 1);
        Review memory known = REGISTRY.review(reviewId);
        if (known.verdict != Verdict.Open || block.timestamp < known.revealUntil) return;
        uint256 owedWei = _owed(known);
        uint256 burnedWei = Purses.BURNED.balance;
        REGISTRY.close(reviewId);
        Verdict verdict = REGISTRY.review(reviewId).verdict;
        uint256 backWei = verdict == Verdict.Clean ? 0 : known.bondWei;
        burnedWei = Purses.BURNED.balance - burnedWei;
        if (_owed(known) > owedWei + backWei + burnedWei) greedy++;
        if (verdict == Verdict.Spam) found++;
        if (verdict == Verdict.Clean) cleared++;
    }

    function passTime(uint16 seconds_) external {
        VM.warp(block.timestamp + seconds_ % 600);
    }

    /// @dev What both sides of a review are owed.
    function _owed(Review memory known) private view returns (uint256 sumWei) {
        sumWei = REGISTRY.owedWei(known.flagger);
        if (known.contributor != known.flagger) sumWei += REGISTRY.owedWei(known.contributor);
    }

    function _take(address who, bytes memory call) private {
        uint256 beforeWei = who.balance;
        VM.prank(who);
        (bool done,) = address(REGISTRY).call(call);
        if (!done) return;
        paidOutWei += who.balance - beforeWei;
        withdrawals++;
    }
}

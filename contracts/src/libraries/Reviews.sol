// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

enum Verdict {
    None,
    Open,
    Spam,
    Clean,
    /// Too few voted, or as many for as against: as if nothing had been asked.
    Undecided
}

/// @notice The terms of governance that a review runs under, from the epoch in which it was opened.
struct ReviewTerms {
    uint256 bondWei;
    uint64 reviewSeconds;
    uint16 slashBps;
    uint16 reporterBps;
}

/// @notice A contribution that somebody called spam, and what validators say of it.
struct Review {
    address contributor;
    uint64 commitUntil;
    address flagger;
    uint64 revealUntil;
    Verdict verdict;
    uint16 slashBps;
    uint16 reporterBps;
    /// How often the contribution was flagged, this review included.
    uint8 turn;
    /// The flagger's bond.
    uint128 bondWei;
    /// All validators' stake when the review was opened.
    uint128 stakeWei;
    uint128 spamWei;
    uint128 cleanWei;
    uint256 datanetId;
    bytes32 leaf;
}

/// @notice A validator's sealed vote, with the stake it had when it sealed it. Gone when revealed.
struct Ballot {
    bytes32 seal;
    uint128 stakeWei;
}

/**
 * @notice Commit, then reveal, then close. Each contribution of a datanet is judged once, whichever version has it, and
 * flagged twice at the most: what nobody decides must not hold a bond for ever.
 */
library Reviews {
    using SafeCast for uint256;

    /// @dev Part of the stake that must have voted: below a third, a few could rob contributors while others sleep.
    uint256 internal constant QUORUM_DENOMINATOR = 3;
    uint8 internal constant MAX_TURNS = 2;

    struct State {
        uint256 count;
        mapping(uint256 reviewId => Review) reviews;
        mapping(uint256 reviewId => mapping(address validator => Ballot)) ballots;
        /// The newest review of a contribution.
        mapping(uint256 datanetId => mapping(bytes32 leaf => uint256 reviewId)) newest;
    }

    error AlreadyFlagged(uint256 reviewId, Verdict verdict);
    error NotOpen(uint256 reviewId);
    error TooLate(uint256 reviewId, uint64 until);
    error TooEarly(uint256 reviewId, uint64 from);
    error AlreadyCommitted(uint256 reviewId, address validator);
    error NoSeal(uint256 reviewId);
    error NoWeight(uint256 reviewId, address validator);
    error BadReveal(uint256 reviewId, address validator);

    function open(State storage self, Review memory fresh, ReviewTerms memory terms)
        internal
        returns (uint256 reviewId)
    {
        uint256 before = self.newest[fresh.datanetId][fresh.leaf];
        Verdict verdict = self.reviews[before].verdict;
        fresh.turn = self.reviews[before].turn + 1;
        if (fresh.turn > MAX_TURNS || (before != 0 && verdict != Verdict.Undecided)) {
            revert AlreadyFlagged(before, verdict);
        }
        reviewId = ++self.count;
        fresh.verdict = Verdict.Open;
        fresh.commitUntil = uint64(block.timestamp) + terms.reviewSeconds / 2;
        fresh.revealUntil = uint64(block.timestamp) + terms.reviewSeconds;
        fresh.slashBps = terms.slashBps;
        fresh.reporterBps = terms.reporterBps;
        fresh.bondWei = terms.bondWei.toUint128();
        self.reviews[reviewId] = fresh;
        self.newest[fresh.datanetId][fresh.leaf] = reviewId;
    }

    function commit(State storage self, uint256 reviewId, bytes32 seal, uint256 stakeWei) internal {
        Review storage known = self.reviews[reviewId];
        if (known.verdict != Verdict.Open) revert NotOpen(reviewId);
        if (block.timestamp >= known.commitUntil) revert TooLate(reviewId, known.commitUntil);
        if (seal == 0) revert NoSeal(reviewId);
        if (stakeWei == 0) revert NoWeight(reviewId, msg.sender);
        Ballot storage ballot = self.ballots[reviewId][msg.sender];
        if (ballot.seal != 0) revert AlreadyCommitted(reviewId, msg.sender);
        ballot.seal = seal;
        ballot.stakeWei = stakeWei.toUint128();
    }

    /// @notice Counts a vote by what its validator has had at stake all the time: no coin votes twice.
    /// @param nowWei Its stake by now.
    function reveal(State storage self, uint256 reviewId, bool spam, bytes32 salt, uint256 nowWei)
        internal
        returns (uint256 stakeWei)
    {
        Review storage known = self.reviews[reviewId];
        if (known.verdict != Verdict.Open) revert NotOpen(reviewId);
        if (block.timestamp < known.commitUntil) revert TooEarly(reviewId, known.commitUntil);
        if (block.timestamp >= known.revealUntil) revert TooLate(reviewId, known.revealUntil);
        Ballot memory ballot = self.ballots[reviewId][msg.sender];
        if (ballot.seal == 0 || ballot.seal != sealOf(reviewId, msg.sender, spam, salt)) {
            revert BadReveal(reviewId, msg.sender);
        }
        delete self.ballots[reviewId][msg.sender];
        stakeWei = nowWei < ballot.stakeWei ? nowWei : ballot.stakeWei;
        if (spam) known.spamWei += uint128(stakeWei);
        else known.cleanWei += uint128(stakeWei);
    }

    /// @notice Says what came of a review, once its time is over.
    function close(State storage self, uint256 reviewId) internal returns (Review storage known) {
        known = self.reviews[reviewId];
        if (known.verdict != Verdict.Open) revert NotOpen(reviewId);
        if (block.timestamp < known.revealUntil) revert TooEarly(reviewId, known.revealUntil);
        uint256 votedWei = uint256(known.spamWei) + known.cleanWei;
        bool few = votedWei * QUORUM_DENOMINATOR < known.stakeWei;
        if (few || known.spamWei == known.cleanWei) known.verdict = Verdict.Undecided;
        else known.verdict = known.spamWei > known.cleanWei ? Verdict.Spam : Verdict.Clean;
    }

    /// @notice What a validator commits to: bound to the review and to itself, so that no seal is another's.
    function sealOf(uint256 reviewId, address validator, bool spam, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(reviewId, validator, spam, salt));
    }
}

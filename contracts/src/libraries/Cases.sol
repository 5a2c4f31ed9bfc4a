// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Verdicts of a juror. `None` is what it has not said.
enum Verdict {
    None,
    Pass,
    Fail,
    Inconclusive
}

/// @notice How a case stands. A case is `Drawn` once its jurors are known.
enum Stage {
    None,
    Opened,
    Drawn,
    Upheld,
    Dismissed,
    Undecided
}

struct Case {
    address challenger;
    uint64 batch;
    Stage stage;
    uint96 bondWei;
    /// The block whose hash draws the jurors: not mined when the case was opened.
    uint64 seedBlock;
    /// Seconds since 1970: until then verdicts are committed, and until then revealed.
    uint64 commitUntil;
    uint64 revealUntil;
    bytes32 claim;
    /// What the accused opened, who are said not to have run the claim; zero where the claim itself is doubted.
    bytes32 transcript;
    bytes32 headerHash;
    /// The seats by juror; one with much stake may hold several.
    address[] jurors;
    mapping(address juror => bytes32) commitments;
    mapping(address juror => Verdict) verdicts;
}

/// @notice What happened to the jurors' verdicts, counted by seat.
struct Tally {
    uint256 passes;
    uint256 fails;
    uint256 revealed;
}

/// @notice A jury's work: commitments first, so that none follows another, then verdicts, then the count.
library Cases {
    error NotAt(Stage stage, Stage expected);
    error TooEarly(uint256 from);
    error TooLate(uint256 until);
    error NotJuror(address caller);
    error AlreadyCommitted(address juror);
    error AlreadyRevealed(address juror);
    error WrongReveal(address juror);

    function commit(Case storage self, address juror, bytes32 commitment) internal {
        requireStage(self, Stage.Drawn);
        if (block.timestamp > self.commitUntil) revert TooLate(self.commitUntil);
        requireJuror(self, juror);
        if (self.commitments[juror] != 0) revert AlreadyCommitted(juror);
        self.commitments[juror] = commitment;
    }

    function reveal(Case storage self, uint256 number, address juror, Verdict verdict, bytes32 salt) internal {
        requireStage(self, Stage.Drawn);
        if (block.timestamp <= self.commitUntil) revert TooEarly(self.commitUntil + 1);
        if (block.timestamp > self.revealUntil) revert TooLate(self.revealUntil);
        if (self.verdicts[juror] != Verdict.None) revert AlreadyRevealed(juror);
        if (verdict == Verdict.None || commitmentOf(number, juror, verdict, salt) != self.commitments[juror]) {
            revert WrongReveal(juror);
        }
        self.verdicts[juror] = verdict;
    }

    /// @notice What a juror commits to. Its own address is in it, so that no other can commit to the same.
    function commitmentOf(uint256 number, address juror, Verdict verdict, bytes32 salt)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(number, juror, verdict, salt));
    }

    /// @notice What a case is about: a claim, or a transcript of it.
    function subjectOf(bytes32 claim, bytes32 transcript) internal pure returns (bytes32) {
        return transcript == 0 ? claim : keccak256(abi.encode(claim, transcript));
    }

    function tally(Case storage self) internal view returns (Tally memory count) {
        address[] memory jurors = self.jurors;
        for (uint256 i = 0; i < jurors.length; i++) {
            Verdict verdict = self.verdicts[jurors[i]];
            if (verdict == Verdict.None) continue;
            count.revealed++;
            if (verdict == Verdict.Pass) count.passes++;
            if (verdict == Verdict.Fail) count.fails++;
        }
    }

    /// @notice Two thirds of the seats decide; short of that nobody is to blame.
    function outcome(Tally memory count, uint256 seats) internal pure returns (Stage) {
        if (seats > 0 && count.fails * 3 >= seats * 2) return Stage.Upheld;
        if (seats > 0 && count.passes * 3 >= seats * 2) return Stage.Dismissed;
        return Stage.Undecided;
    }

    function requireStage(Case storage self, Stage expected) internal view {
        if (self.stage != expected) revert NotAt(self.stage, expected);
    }

    function requireJuror(Case storage self, address juror) internal view {
        address[] memory jurors = self.jurors;
        for (uint256 i = 0; i < jurors.length; i++) {
            if (jurors[i] == juror) return;
        }
        revert NotJuror(juror);
    }
}

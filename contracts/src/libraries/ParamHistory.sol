// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One storage word with its history by epoch. The newest is read in two loads, since nearly all reads want it.
library ParamHistory {
    struct Past {
        uint64 fromEpoch;
        uint256 word;
    }

    struct History {
        /// The epoch from which the newest word counts.
        uint64 fromEpoch;
        /// How many words there were before it.
        uint64 pasts;
        uint256 word;
        mapping(uint256 index => Past) past;
    }

    /// @notice The word of an epoch.
    function wordAt(History storage self, uint64 epoch) internal view returns (uint256) {
        if (epoch >= self.fromEpoch) return self.word;
        uint256 above = self.pasts;
        // Changes are announced two epochs ahead at the most, so what runs now is near the end.
        for (uint256 looks = 0; looks < 2 && above > 1; looks++) {
            Past storage recent = self.past[above - 1];
            if (recent.fromEpoch <= epoch) return recent.word;
            above--;
        }
        // The first word counts from epoch 0 on.
        uint256 low = 0;
        while (above - low > 1) {
            uint256 middle = (low + above) / 2;
            if (self.past[middle].fromEpoch <= epoch) low = middle;
            else above = middle;
        }
        return self.past[low].word;
    }

    /// @notice Sets the word from an epoch on, which is not before the newest one's; a second time for the same replaces it.
    function set(History storage self, uint64 fromEpoch, uint256 word) internal {
        if (fromEpoch > self.fromEpoch) {
            self.past[self.pasts] = Past(self.fromEpoch, self.word);
            self.fromEpoch = fromEpoch;
            self.pasts++;
        }
        self.word = word;
    }
}

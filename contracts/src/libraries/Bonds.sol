// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice What a contributor has put down for one datanet.
struct Bond {
    uint128 amountWei;
    /// Seconds since 1970 from which it may be withdrawn; 0 where no exit was requested.
    uint64 exitAt;
    /// Reviews of the contributor's that are open: until the last is closed, the bond stays.
    uint32 openReviews;
}

/// @notice Contributors' bonds by datanet.
library Bonds {
    using SafeCast for uint256;

    uint256 private constant WHOLE_BPS = 10_000;

    struct State {
        mapping(uint256 datanetId => mapping(address contributor => Bond)) bonds;
    }

    error BondTooSmall(uint256 datanetId, uint256 amountWei, uint256 minimumWei);
    error BondExiting(uint256 datanetId, address contributor, uint64 exitAt);
    error BondLocked(uint256 datanetId, address contributor, uint64 exitAt, uint32 openReviews);
    error NoBond(uint256 datanetId, address contributor);

    /// @notice Adds to the caller's bond; all of it together must reach the minimum.
    function add(State storage self, uint256 datanetId, uint256 amountWei, uint256 minimumWei)
        internal
        returns (uint256 totalWei)
    {
        Bond storage known = self.bonds[datanetId][msg.sender];
        if (known.exitAt != 0) revert BondExiting(datanetId, msg.sender, known.exitAt);
        totalWei = known.amountWei + amountWei;
        if (totalWei < minimumWei) revert BondTooSmall(datanetId, totalWei, minimumWei);
        known.amountWei = totalWei.toUint128();
    }

    function requestExit(State storage self, uint256 datanetId, uint64 exitAt) internal {
        Bond storage known = self.bonds[datanetId][msg.sender];
        if (known.amountWei == 0) revert NoBond(datanetId, msg.sender);
        if (known.exitAt != 0) revert BondExiting(datanetId, msg.sender, known.exitAt);
        known.exitAt = exitAt;
    }

    /// @notice Forgets the caller's bond, and tells what it is owed, in wei.
    function remove(State storage self, uint256 datanetId) internal returns (uint256 amountWei) {
        Bond storage known = self.bonds[datanetId][msg.sender];
        if (known.exitAt == 0 || block.timestamp < known.exitAt || known.openReviews != 0) {
            revert BondLocked(datanetId, msg.sender, known.exitAt, known.openReviews);
        }
        amountWei = known.amountWei;
        known.amountWei = 0;
        known.exitAt = 0;
    }

    function hold(State storage self, uint256 datanetId, address contributor) internal {
        self.bonds[datanetId][contributor].openReviews++;
    }

    /// @notice Ends the hold of one review; a bond that is leaving waits its delay anew, for the next to be flagged.
    function release(State storage self, uint256 datanetId, address contributor, uint64 exitAt) internal {
        Bond storage known = self.bonds[datanetId][contributor];
        known.openReviews--;
        if (known.exitAt != 0 && known.exitAt < exitAt) known.exitAt = exitAt;
    }

    /// @notice Takes a share of what there is of the bond, in wei.
    function slash(State storage self, uint256 datanetId, address contributor, uint256 shareBps)
        internal
        returns (uint256 takenWei)
    {
        Bond storage known = self.bonds[datanetId][contributor];
        takenWei = known.amountWei * shareBps / WHOLE_BPS;
        known.amountWei -= uint128(takenWei);
    }
}

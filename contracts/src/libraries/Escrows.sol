// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice One payer's escrow; all amounts in wei.
struct Account {
    /// All that was put in, less what was withdrawn.
    uint256 depositedWei;
    /// All that was ever taken for jobs. What is left is the difference.
    uint256 redeemedWei;
    /// The highest cumulative amount among the vouchers accepted so far: what may be taken in all.
    uint256 authorisedWei;
    /// The part of the balance that is to be withdrawn; until then it still pays for jobs.
    uint256 leavingWei;
    /// Seconds since 1970 from which that part may be withdrawn; 0 where nothing leaves.
    uint64 exitAt;
}

/// @notice An account as it is kept: what jobs change fits one slot, since they change it most.
struct Held {
    uint88 depositedWei;
    uint88 redeemedWei;
    /// What vouchers allow beyond what was taken. 80 bits are a million OPEN; more is taken for that much.
    uint80 headroomWei;
    uint96 leavingWei;
    uint64 exitAt;
}

/// @notice Prepaid balances. A payer's money goes out for jobs it has promised to pay, or back to it after a delay.
library Escrows {
    using SafeCast for uint256;

    error BadVoucher(address payer, uint256 cumulativeWei);
    error OverVoucher(address payer, uint256 redeemedWei, uint256 authorisedWei);
    error OverBalance(address payer, uint256 amountWei, uint256 balanceWei);
    error NothingLeaves(address payer);
    error ExitTooEarly(address payer, uint64 exitAt);

    function balanceOf(Held storage self) internal view returns (uint256) {
        return self.depositedWei - self.redeemedWei;
    }

    function authorisedOf(Held storage self) internal view returns (uint256) {
        return uint256(self.redeemedWei) + self.headroomWei;
    }

    function add(Held storage self, uint256 amountWei) internal {
        self.depositedWei += amountWei.toUint88();
    }

    /// @notice Takes what jobs cost, where the payer has promised that much and has it. Reads and writes one slot.
    function take(Held storage self, address payer, uint256 amountWei, uint256 authorisedWei)
        internal
        returns (uint256 redeemedWei)
    {
        (uint256 depositedWei, uint256 beforeWei) = (self.depositedWei, self.redeemedWei);
        uint256 balanceWei = depositedWei - beforeWei;
        if (amountWei > balanceWei) revert OverBalance(payer, amountWei, balanceWei);
        redeemedWei = beforeWei + amountWei;
        if (redeemedWei > authorisedWei) revert OverVoucher(payer, redeemedWei, authorisedWei);
        (self.redeemedWei, self.headroomWei) = (uint88(redeemedWei), _headroom(authorisedWei - redeemedWei));
    }

    /// @notice Takes a charge back that was not owed.
    function giveBack(Held storage self, uint256 amountWei) internal {
        self.redeemedWei -= uint88(amountWei);
        self.headroomWei = _headroom(self.headroomWei + amountWei);
    }

    /// @notice Sets what shall leave, in place of an earlier request; 0 takes the request back.
    function requestExit(Held storage self, uint256 amountWei, uint64 exitAt) internal {
        uint256 balanceWei = balanceOf(self);
        if (amountWei > balanceWei) revert OverBalance(msg.sender, amountWei, balanceWei);
        self.leavingWei = uint96(amountWei);
        self.exitAt = amountWei == 0 ? 0 : exitAt;
    }

    /// @notice Lets go what was to leave and is still there, in wei.
    function release(Held storage self) internal returns (uint256 amountWei) {
        if (self.leavingWei == 0) revert NothingLeaves(msg.sender);
        if (block.timestamp < self.exitAt) revert ExitTooEarly(msg.sender, self.exitAt);
        amountWei = leaving(self);
        self.depositedWei -= uint88(amountWei);
        self.leavingWei = 0;
        self.exitAt = 0;
    }

    /// @notice What a withdrawal would bring: jobs may have eaten into it since it was asked for.
    function leaving(Held storage self) internal view returns (uint256) {
        uint256 balanceWei = balanceOf(self);
        return self.leavingWei < balanceWei ? self.leavingWei : balanceWei;
    }

    function viewOf(Held storage self) internal view returns (Account memory) {
        return Account(self.depositedWei, self.redeemedWei, authorisedOf(self), leaving(self), self.exitAt);
    }

    function _headroom(uint256 amountWei) private pure returns (uint80) {
        return amountWei < type(uint80).max ? uint80(amountWei) : type(uint80).max;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice One payer's escrow; all amounts in wei. What is left is `depositedWei - redeemedWei`.
struct Account {
    /// All that was ever taken for jobs.
    uint128 redeemedWei;
    /// The highest cumulative amount among the vouchers accepted so far: what may be taken in all.
    uint128 authorisedWei;
    /// All that was put in, less what was withdrawn.
    uint96 depositedWei;
    /// The part of the balance that is to be withdrawn; until then it still pays for jobs.
    uint96 leavingWei;
    /// Seconds since 1970 from which that part may be withdrawn; 0 where nothing leaves.
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

    function balanceOf(Account storage self) internal view returns (uint256) {
        return self.depositedWei - self.redeemedWei;
    }

    function add(Account storage self, uint256 amountWei) internal {
        self.depositedWei += amountWei.toUint96();
    }

    /// @notice Takes what jobs cost, where the payer has promised that much and has it. Writes one slot.
    function take(Account storage self, address payer, uint256 amountWei, uint256 authorisedWei) internal {
        uint256 redeemedWei = self.redeemedWei;
        uint256 balanceWei = self.depositedWei - redeemedWei;
        if (amountWei > balanceWei) revert OverBalance(payer, amountWei, balanceWei);
        redeemedWei += amountWei;
        if (redeemedWei > authorisedWei) revert OverVoucher(payer, redeemedWei, authorisedWei);
        (self.redeemedWei, self.authorisedWei) = (uint128(redeemedWei), uint128(authorisedWei));
    }

    /// @notice Takes a charge back that was not owed.
    function giveBack(Account storage self, uint256 amountWei) internal {
        self.redeemedWei -= uint128(amountWei);
    }

    /// @notice Sets what shall leave, in place of an earlier request; 0 takes the request back.
    function requestExit(Account storage self, uint256 amountWei, uint64 exitAt) internal {
        uint256 balanceWei = balanceOf(self);
        if (amountWei > balanceWei) revert OverBalance(msg.sender, amountWei, balanceWei);
        self.leavingWei = uint96(amountWei);
        self.exitAt = amountWei == 0 ? 0 : exitAt;
    }

    /// @notice Lets go what was to leave and is still there, in wei.
    function release(Account storage self) internal returns (uint256 amountWei) {
        if (self.leavingWei == 0) revert NothingLeaves(msg.sender);
        if (block.timestamp < self.exitAt) revert ExitTooEarly(msg.sender, self.exitAt);
        amountWei = leaving(self);
        self.depositedWei -= uint96(amountWei);
        self.leavingWei = 0;
        self.exitAt = 0;
    }

    /// @notice What a withdrawal would bring: jobs may have eaten into it since it was asked for.
    function leaving(Account storage self) internal view returns (uint256) {
        uint256 balanceWei = balanceOf(self);
        return self.leavingWei < balanceWei ? self.leavingWei : balanceWei;
    }
}

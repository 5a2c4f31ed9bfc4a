// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice A fine-tune that is paid for step by step; its requester is zero where there is none.
struct Order {
    address requester;
    /// Seconds since 1970 from which nothing is released and the rest may be refunded.
    uint64 deadline;
    /// How often the work was taken over.
    uint32 round;
    address payee;
    /// Bit i is set where milestone i was released.
    uint32 released;
    bytes32 jobId;
    /// What is neither released nor refunded, in wei.
    uint128 leftWei;
    uint128[] amounts;
}

/// @notice Money for milestones: each is released once, or refunded once.
library Orders {
    using SafeCast for uint256;

    uint256 internal constant MAX_MILESTONES = 32;
    /// @dev A fine-tune takes hours: what is bound for more than a year is a slip of the pen.
    uint256 internal constant MAX_SECONDS = 365 days;

    bytes32 private constant MILESTONE_TYPE = keccak256("Milestone(bytes32 jobId,uint32 index,bytes32 commitment)");
    bytes32 private constant TAKEOVER_TYPE = keccak256("Takeover(bytes32 jobId,uint32 round,address payee)");

    error AlreadyFunded(bytes32 orderId);
    error NoOrder(bytes32 orderId);
    error NoPayee(bytes32 orderId);
    error BadDeadline(uint64 deadline);
    error BadMilestones(uint256 count, uint256 maxCount);
    error EmptyMilestone(uint256 index);
    error WrongValue(uint256 sentWei, uint256 milestonesWei);
    error Over(bytes32 orderId, uint64 deadline);
    error NotOver(bytes32 orderId, uint64 deadline);
    error AlreadyReleased(bytes32 orderId, uint256 index);
    error NothingLeft(bytes32 orderId);

    function fund(Order storage self, bytes32 orderId, Order memory fresh) internal {
        if (self.requester != address(0)) revert AlreadyFunded(orderId);
        if (fresh.payee == address(0)) revert NoPayee(orderId);
        if (fresh.deadline <= block.timestamp || fresh.deadline > block.timestamp + MAX_SECONDS) {
            revert BadDeadline(fresh.deadline);
        }
        uint256 count = fresh.amounts.length;
        if (count == 0 || count > MAX_MILESTONES) revert BadMilestones(count, MAX_MILESTONES);
        uint256 sumWei = 0;
        for (uint256 i = 0; i < count; i++) {
            if (fresh.amounts[i] == 0) revert EmptyMilestone(i);
            sumWei += fresh.amounts[i];
        }
        if (sumWei != msg.value) revert WrongValue(msg.value, sumWei);
        self.requester = fresh.requester;
        self.deadline = fresh.deadline;
        self.payee = fresh.payee;
        self.jobId = fresh.jobId;
        self.leftWei = sumWei.toUint128();
        self.amounts = fresh.amounts;
    }

    /// @notice Marks a milestone as reached, and tells what it is worth, in wei.
    function release(Order storage self, bytes32 orderId, uint256 index) internal returns (uint128 amountWei) {
        requireRunning(self, orderId);
        uint256 count = self.amounts.length;
        if (index >= count) revert BadMilestones(index, count);
        uint32 bit = uint32(1 << index);
        if (self.released & bit != 0) revert AlreadyReleased(orderId, index);
        self.released |= bit;
        amountWei = self.amounts[index];
        self.leftWei -= amountWei;
    }

    /// @notice Tells what is left when the time is over, in wei, and leaves nothing.
    function refund(Order storage self, bytes32 orderId) internal returns (uint128 amountWei) {
        if (self.requester == address(0)) revert NoOrder(orderId);
        if (block.timestamp < self.deadline) revert NotOver(orderId, self.deadline);
        amountWei = self.leftWei;
        if (amountWei == 0) revert NothingLeft(orderId);
        self.leftWei = 0;
    }

    /// @notice Gives the milestones that are left to somebody else.
    function replace(Order storage self, bytes32 orderId, address payee) internal returns (uint32 round) {
        requireRunning(self, orderId);
        if (payee == address(0)) revert NoPayee(orderId);
        if (self.leftWei == 0) revert NothingLeft(orderId);
        self.payee = payee;
        return ++self.round;
    }

    function requireRunning(Order storage self, bytes32 orderId) internal view {
        if (self.requester == address(0)) revert NoOrder(orderId);
        if (block.timestamp >= self.deadline) revert Over(orderId, self.deadline);
    }

    /// @notice A requester's order for a job. Anybody may know a job's id, so it alone could be taken by another.
    function idOf(address requester, bytes32 jobId) internal pure returns (bytes32) {
        return keccak256(abi.encode(requester, jobId));
    }

    function hashMilestone(bytes32 jobId, uint256 index, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(MILESTONE_TYPE, jobId, index, commitment));
    }

    /// @notice The round makes each approval count once: an older payee can't come back by an older approval.
    function hashTakeover(bytes32 jobId, uint32 round, address payee) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAKEOVER_TYPE, jobId, round, payee));
    }
}

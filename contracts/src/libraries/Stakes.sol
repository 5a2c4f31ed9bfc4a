// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice A node that somebody has staked for. `owner` is zero where nobody has.
struct Member {
    uint128 stakeWei;
    /// Seconds since 1970 from which the stake may be withdrawn; 0 where no exit was requested.
    uint64 exitAt;
    uint8 roles;
    /// How often the node has been staked: a consent counts once.
    uint32 nonce;
    address owner;
}

/// @notice Members and the stake of the active validators among them.
library Stakes {
    using SafeCast for uint256;

    uint256 internal constant VALIDATOR = 2;
    /// @dev worker 1, validator 2, gateway 4: `ROLE_BITS` of `protocol/chain.ts`.
    uint256 internal constant ALL_ROLES = 7;

    struct State {
        uint256 validatorsWei;
        mapping(address node => Member) members;
    }

    error BadRoles(uint256 roles);
    error AlreadyStaked(address node, address owner);
    error NotStaked(address node);
    error NotOwner(address node, address caller);
    error StakeTooSmall(uint256 stakeWei, uint256 minimumWei);
    error AlreadyExiting(address node, uint64 exitAt);
    error StakeLocked(address node, uint64 exitAt);
    error NotActiveValidator(address node);

    /// @notice Adds a member. The caller checks the node's consent.
    function add(State storage self, address node, address owner, uint256 roles, uint256 stakeWei) internal {
        Member storage member = self.members[node];
        if (member.owner != address(0)) revert AlreadyStaked(node, member.owner);
        if (roles == 0 || roles > ALL_ROLES) revert BadRoles(roles);
        member.owner = owner;
        member.roles = uint8(roles);
        member.stakeWei = stakeWei.toUint128();
        member.nonce++;
        if (isValidator(roles)) self.validatorsWei += stakeWei;
    }

    /// @notice Adds to the stake of a member that is not leaving.
    function topUp(State storage self, address node, uint256 amountWei) internal returns (Member storage member) {
        member = ownedBy(self, node, msg.sender);
        if (member.exitAt != 0) revert AlreadyExiting(node, member.exitAt);
        member.stakeWei += amountWei.toUint128();
        if (isValidator(member.roles)) self.validatorsWei += amountWei;
    }

    /// @notice From now on the member counts no longer as active.
    function requestExit(State storage self, address node, uint64 exitAt) internal {
        Member storage member = ownedBy(self, node, msg.sender);
        if (member.exitAt != 0) revert AlreadyExiting(node, member.exitAt);
        member.exitAt = exitAt;
        if (isValidator(member.roles)) self.validatorsWei -= member.stakeWei;
    }

    /// @notice Forgets the member, its nonce aside, and tells what it is owed, in wei.
    function remove(State storage self, address node) internal returns (uint256 amountWei) {
        Member storage member = ownedBy(self, node, msg.sender);
        if (member.exitAt == 0 || block.timestamp < member.exitAt) revert StakeLocked(node, member.exitAt);
        amountWei = member.stakeWei;
        member.owner = address(0);
        member.roles = 0;
        member.stakeWei = 0;
        member.exitAt = 0;
    }

    /// @notice Stake of these active validators together, in wei.
    function stakeOf(State storage self, address[] calldata nodes) internal view returns (uint256 sumWei) {
        for (uint256 i = 0; i < nodes.length; i++) {
            Member storage member = self.members[nodes[i]];
            if (!isValidator(member.roles) || member.exitAt != 0) revert NotActiveValidator(nodes[i]);
            sumWei += member.stakeWei;
        }
    }

    function isValidator(uint256 roles) internal pure returns (bool) {
        return roles & VALIDATOR != 0;
    }

    function ownedBy(State storage self, address node, address caller) internal view returns (Member storage member) {
        member = self.members[node];
        if (member.owner == address(0)) revert NotStaked(node);
        if (member.owner != caller) revert NotOwner(node, caller);
    }
}

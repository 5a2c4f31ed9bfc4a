// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Totals} from "./Totals.sol";

/// @notice A node that somebody has staked for. `owner` is zero where nobody has.
struct Member {
    uint96 stakeWei;
    /// The part of the stake that stands for open batches. It cannot leave, and is the first to be lost.
    uint96 lockedWei;
    /// Seconds since 1970 from which the stake may be withdrawn; 0 where no exit was requested.
    uint48 exitAt;
    uint8 roles;
    address owner;
    /// How often the node has been staked: a consent counts once.
    uint32 nonce;
    /// Place in the list of active validators, from 1; 0 where it is in none.
    uint32 place;
    /// What stakers had been given a wei of stake, in 2^-64 wei, when this member's part was last worked out.
    uint128 seenPerWei;
    /// What the stake has earned and its owner not had yet.
    uint128 earnedWei;
}

/// @notice Members, what of them is active, and what stakers are given.
library Stakes {
    using SafeCast for uint256;
    using Totals for uint256[];

    uint256 internal constant VALIDATOR = 2;
    /// @dev worker 1, validator 2, gateway 4: `ROLE_BITS` of `protocol/chain.ts`.
    uint256 internal constant ALL_ROLES = 7;
    /// @dev Keys that a node may have had: a slash follows it from the first to the last.
    uint256 internal constant MAX_ROTATIONS = 16;

    struct State {
        /// Stake of active validators, and of all active members.
        uint128 validatorsWei;
        uint128 activeWei;
        /// All that stakers were given a wei of stake, in 2^-64 wei; and what came while nobody was active.
        uint128 perWei;
        uint128 unassignedWei;
        mapping(address node => Member) members;
        /// The key that has taken the place of another.
        mapping(address node => address) heirs;
        /// How many keys led to this one.
        mapping(address node => uint256) rotations;
        address[] validators;
        /// Their stakes, by place.
        uint256[] totals;
    }

    error BadRoles(uint256 roles);
    error AlreadyStaked(address node, address owner);
    error NotStaked(address node);
    error NotOwner(address node, address caller);
    error StakeTooSmall(uint256 stakeWei, uint256 minimumWei);
    error AlreadyExiting(address node, uint64 exitAt);
    error StakeLocked(address node, uint64 exitAt);
    error StandsForBatches(address node, uint256 lockedWei);
    error LockOverStake(address node, uint256 amountWei, uint256 freeWei);
    error NotActive(address node);
    error NotActiveValidator(address node);
    error KeyIsSpent(address node, address heir);
    error TooManyRotations(address node);

    /// @notice Adds a member. The caller checks the node's consent.
    function add(State storage self, address node, address owner, uint256 roles, uint256 stakeWei) internal {
        Member storage member = self.members[node];
        if (member.owner != address(0)) revert AlreadyStaked(node, member.owner);
        if (self.heirs[node] != address(0)) revert KeyIsSpent(node, self.heirs[node]);
        if (roles == 0 || roles > ALL_ROLES) revert BadRoles(roles);
        member.owner = owner;
        member.roles = uint8(roles);
        member.stakeWei = stakeWei.toUint96();
        member.nonce++;
        member.seenPerWei = self.perWei;
        _activate(self, node, member);
    }

    /// @notice Adds to the stake of a member that is not leaving.
    function topUp(State storage self, address node, uint256 amountWei) internal returns (Member storage member) {
        member = ownedBy(self, node, msg.sender);
        if (member.exitAt != 0) revert AlreadyExiting(node, member.exitAt);
        _settle(self, member);
        member.stakeWei += amountWei.toUint96();
        self.activeWei += uint128(amountWei);
        if (isValidator(member.roles)) _moveValidators(self, member, member.stakeWei - amountWei);
    }

    /// @notice From now on the member counts no longer as active.
    function requestExit(State storage self, address node, uint64 exitAt) internal {
        Member storage member = ownedBy(self, node, msg.sender);
        if (member.exitAt != 0) revert AlreadyExiting(node, member.exitAt);
        _deactivate(self, member);
        member.exitAt = uint48(exitAt);
    }

    /// @notice Forgets the member, its nonce aside, and tells what it is owed, in wei.
    function remove(State storage self, address node) internal returns (uint256 amountWei) {
        Member storage member = ownedBy(self, node, msg.sender);
        if (member.exitAt == 0 || block.timestamp < member.exitAt) revert StakeLocked(node, member.exitAt);
        if (member.lockedWei != 0) revert StandsForBatches(node, member.lockedWei);
        amountWei = uint256(member.stakeWei) + member.earnedWei;
        _clear(member);
    }

    /// @notice The member goes on under another key; the caller checks the new node's consent.
    function rotate(State storage self, address node, address heir) internal returns (Member storage successor) {
        Member storage member = ownedBy(self, node, msg.sender);
        successor = self.members[heir];
        if (successor.owner != address(0)) revert AlreadyStaked(heir, successor.owner);
        if (self.heirs[heir] != address(0)) revert KeyIsSpent(heir, self.heirs[heir]);
        uint256 rotations = self.rotations[node] + 1;
        if (rotations < self.rotations[heir]) rotations = self.rotations[heir];
        // Who could rotate on would escape: a slash or a bond would not find the last key.
        if (rotations >= MAX_ROTATIONS) revert TooManyRotations(node);
        self.rotations[heir] = rotations;
        uint32 nonce = successor.nonce + 1;
        self.members[heir] = member;
        successor.nonce = nonce;
        if (member.place != 0) self.validators[member.place - 1] = heir;
        _clear(member);
        self.heirs[node] = heir;
    }

    /// @notice Locks part of a member's stake.
    function lock(State storage self, address node, uint256 amountWei) internal {
        Member storage member = self.members[node];
        (uint96 stakeWei, uint96 lockedWei) = (member.stakeWei, member.lockedWei);
        if (member.roles == 0 || member.exitAt != 0) revert NotActive(node);
        if (amountWei > stakeWei - lockedWei) revert LockOverStake(node, amountWei, stakeWei - lockedWei);
        member.lockedWei = lockedWei + uint96(amountWei);
    }

    /// @notice Lets go what was locked; where the stake was slashed meanwhile, there may be less.
    function unlock(State storage self, address node, uint256 amountWei) internal {
        Member storage member = self.members[node];
        // A key that was followed by another holds nothing.
        if (member.owner == address(0)) member = self.members[current(self, node)];
        uint96 lockedWei = member.lockedWei;
        member.lockedWei = amountWei < lockedWei ? lockedWei - uint96(amountWei) : 0;
    }

    /// @notice Takes up to `amountWei` of a stake, active or leaving, and tells how much there was.
    function slash(State storage self, address node, uint256 amountWei) internal returns (uint256 takenWei) {
        Member storage member = self.members[node];
        uint96 stakeWei = member.stakeWei;
        takenWei = amountWei < stakeWei ? amountWei : stakeWei;
        _settle(self, member);
        member.stakeWei = stakeWei - uint96(takenWei);
        if (member.lockedWei > member.stakeWei) member.lockedWei = member.stakeWei;
        if (member.exitAt != 0 || takenWei == 0) return takenWei;
        self.activeWei -= uint128(takenWei);
        if (isValidator(member.roles)) _moveValidators(self, member, stakeWei);
    }

    /// @notice Divides what stakers are given by stake. What the division leaves stays until the next time.
    function reward(State storage self, uint256 amountWei) internal {
        amountWei += self.unassignedWei;
        uint256 activeWei = self.activeWei;
        if (activeWei == 0) {
            self.unassignedWei = amountWei.toUint128();
            return;
        }
        uint256 perWei = (amountWei << 64) / activeWei;
        self.perWei += perWei.toUint128();
        self.unassignedWei = uint128(amountWei - ((perWei * activeWei + type(uint64).max) >> 64));
    }

    /// @notice What an owner's node has earned since it last asked, in wei.
    function collect(State storage self, address node) internal returns (uint256 amountWei) {
        Member storage member = ownedBy(self, node, msg.sender);
        _settle(self, member);
        amountWei = member.earnedWei;
        member.earnedWei = 0;
    }

    /// @notice Stake of these active validators together, in wei.
    function stakeOf(State storage self, address[] calldata nodes) internal view returns (uint256 sumWei) {
        for (uint256 i = 0; i < nodes.length; i++) {
            Member storage member = self.members[nodes[i]];
            if (!isValidator(member.roles) || member.exitAt != 0) revert NotActiveValidator(nodes[i]);
            sumWei += member.stakeWei;
        }
    }

    /// @notice The key that a node has now, whatever its key was when it signed something.
    function current(State storage self, address node) internal view returns (address) {
        for (uint256 i = 0; i < MAX_ROTATIONS; i++) {
            address heir = self.heirs[node];
            if (heir == address(0)) return node;
            node = heir;
        }
        revert TooManyRotations(node);
    }

    function isValidator(uint256 roles) internal pure returns (bool) {
        return roles & VALIDATOR != 0;
    }

    function ownedBy(State storage self, address node, address caller) internal view returns (Member storage member) {
        member = self.members[node];
        if (member.owner == address(0)) revert NotStaked(node);
        if (member.owner != caller) revert NotOwner(node, caller);
    }

    function _activate(State storage self, address node, Member storage member) private {
        self.activeWei += member.stakeWei;
        if (!isValidator(member.roles)) return;
        self.validatorsWei += member.stakeWei;
        self.validators.push(node);
        self.totals.append(member.stakeWei);
        member.place = uint32(self.validators.length);
    }

    /// @dev An active validator's stake has changed.
    function _moveValidators(State storage self, Member storage member, uint256 beforeWei) private {
        uint256 stakeWei = member.stakeWei;
        self.validatorsWei = (self.validatorsWei + stakeWei - beforeWei).toUint128();
        self.totals.change(member.place, beforeWei, stakeWei);
    }

    function _deactivate(State storage self, Member storage member) private {
        _settle(self, member);
        self.activeWei -= member.stakeWei;
        if (!isValidator(member.roles)) return;
        self.validatorsWei -= member.stakeWei;
        address last = self.validators[self.validators.length - 1];
        self.totals.change(member.place, member.stakeWei, self.members[last].stakeWei);
        self.totals.pop();
        self.validators[member.place - 1] = last;
        self.members[last].place = member.place;
        self.validators.pop();
        member.place = 0;
    }

    /// @dev What a member earned is worked out before its stake changes; one that leaves earns no more.
    function _settle(State storage self, Member storage member) private {
        if (member.exitAt != 0) return;
        uint128 perWei = self.perWei;
        member.earnedWei += uint128((uint256(member.stakeWei) * (perWei - member.seenPerWei)) >> 64);
        member.seenPerWei = perWei;
    }

    function _clear(Member storage member) private {
        member.owner = address(0);
        member.roles = 0;
        member.stakeWei = 0;
        member.lockedWei = 0;
        member.exitAt = 0;
        member.place = 0;
        member.seenPerWei = 0;
        member.earnedWei = 0;
    }
}

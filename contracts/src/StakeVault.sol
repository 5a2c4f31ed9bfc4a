// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Member, Stakes} from "./libraries/Stakes.sol";
import {TypedData} from "./libraries/TypedData.sol";

/**
 * @title StakeVault
 * @notice Holds the stake of each node. The owner, a cold account, stakes for a node, a hot key, with the roles it may
 * take; the node says by signature that it is willing, so that nobody captures another's node.
 */
contract StakeVault is IStakeVault, EIP712, ReentrancyGuardTransient {
    using Stakes for Stakes.State;

    /// @notice Least stake of a node, in wei.
    uint256 public immutable minimumStakeWei;
    /// @inheritdoc IStakeVault
    uint64 public immutable exitDelaySeconds;

    Stakes.State private _stakes;

    /// @notice A node was staked for, or its stake grew; `stakeWei` is all it has now.
    event Staked(address indexed node, address indexed owner, uint256 roles, uint256 stakeWei);
    /// @notice A node is active no longer; its stake may leave from `exitAt`, seconds since 1970.
    event ExitRequested(address indexed node, uint64 exitAt);
    event Withdrawn(address indexed node, uint256 amountWei);

    error BadConsent(address node, address signer);

    constructor(uint256 minimumStakeWei_, uint64 exitDelaySeconds_) EIP712("Tributary", "1") {
        minimumStakeWei = minimumStakeWei_;
        exitDelaySeconds = exitDelaySeconds_;
    }

    /**
     * @notice Stakes the value sent for `node`; the caller becomes its owner.
     * @param node The account of the node's key.
     * @param roles Bit mask: worker 1, validator 2, gateway 4.
     * @param consent The node's signature under `NodeConsent(node, owner, roles, nonce)`.
     */
    function stake(address node, uint256 roles, bytes calldata consent) external payable {
        if (msg.value < minimumStakeWei) revert Stakes.StakeTooSmall(msg.value, minimumStakeWei);
        bytes32 consentHash = TypedData.hashNodeConsent(node, msg.sender, roles, _stakes.members[node].nonce);
        _stakes.add(node, msg.sender, roles, msg.value);
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(consentHash), consent);
        if (failure != ECDSA.RecoverError.NoError || signer != node) revert BadConsent(node, signer);
        emit Staked(node, msg.sender, roles, msg.value);
    }

    /// @notice Adds the value sent to the stake of a node of the caller's.
    function topUp(address node) external payable {
        Member storage grown = _stakes.topUp(node, msg.value);
        emit Staked(node, grown.owner, grown.roles, grown.stakeWei);
    }

    /// @notice Takes a node of the caller's out of service; its stake may leave after the exit delay.
    function requestExit(address node) external {
        uint64 exitAt = uint64(block.timestamp) + exitDelaySeconds;
        _stakes.requestExit(node, exitAt);
        emit ExitRequested(node, exitAt);
    }

    /// @notice Pays the stake of a node that has left back to the caller, its owner.
    function withdraw(address node) external nonReentrant {
        uint256 amountWei = _stakes.remove(node);
        emit Withdrawn(node, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @notice What is known of a node; its owner is zero where nobody staked for it.
    function member(address node) external view returns (Member memory) {
        return _stakes.members[node];
    }

    /// @inheritdoc IStakeVault
    function validatorsStakeWei() external view returns (uint256) {
        return _stakes.validatorsWei;
    }

    /// @inheritdoc IStakeVault
    function stakeOfValidatorsWei(address[] calldata nodes) external view returns (uint256) {
        return _stakes.stakeOf(nodes);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Exits} from "./libraries/Exits.sol";
import {Lots} from "./libraries/Lots.sol";
import {Purses} from "./libraries/Purses.sol";
import {Member, Stakes} from "./libraries/Stakes.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {Param} from "./types/Param.sol";

/**
 * @title StakeVault
 * @notice Holds the stake of each node. The owner, a cold account, stakes for a node, a hot key, with the roles it may
 * take; the node says by signature that it is willing, so that nobody captures another's node. What judges take is burned,
 * but for the reporter's part; what stakers are given is divided by stake.
 */
contract StakeVault is IStakeVault, EIP712, ReentrancyGuardTransient {
    using Stakes for Stakes.State;

    /// @dev Governance may give a reporter less, never more: whoever reports itself loses half.
    uint256 private constant MAX_REPORTER_BPS = 5000;

    IParams public immutable params;
    /// @notice Who locks and unlocks bonds.
    address public immutable ledger;
    /// @notice Who may slash: one decides by proof, the other by jury.
    address public immutable disputes;
    address public immutable jury;
    /// @notice Whence stakers' part of the fees comes.
    address public immutable payout;

    Stakes.State private _stakes;

    /// @notice A node was staked for, or its stake changed; `stakeWei` is all it has now.
    event Staked(address indexed node, address indexed owner, uint256 roles, uint256 stakeWei);
    /// @notice A node is active no longer; its stake may leave from `exitAt`, seconds since 1970.
    event ExitRequested(address indexed node, uint64 exitAt);
    event Withdrawn(address indexed node, uint256 amountWei);
    /// @notice A node has another key; what it did under the old one still counts.
    event Rotated(address indexed node, address indexed heir);
    event Slashed(address indexed node, uint256 amountWei, address indexed reporter, uint256 rewardWei);
    event Collected(address indexed node, uint256 amountWei);

    error BadConsent(address node, address signer);
    error NotAllowed(address caller);

    constructor(IParams params_, address ledger_, address disputes_, address jury_, address payout_)
        EIP712("Tributary", "1")
    {
        (params, ledger, disputes, jury, payout) = (params_, ledger_, disputes_, jury_, payout_);
    }

    /// @notice Stakers' part of the fees, which the Payout sends when it is claimed for this contract.
    receive() external payable {
        if (msg.sender != payout) revert NotAllowed(msg.sender);
        _stakes.reward(msg.value);
    }

    /**
     * @notice Stakes the value sent for `node`; the caller becomes its owner.
     * @param node The account of the node's key.
     * @param roles Bit mask: worker 1, validator 2, gateway 4.
     * @param consent The node's signature under `NodeConsent(node, owner, roles, nonce)`.
     */
    function stake(address node, uint256 roles, bytes calldata consent) external payable {
        uint256 leastWei = minimumStakeWei();
        if (msg.value < leastWei) revert Stakes.StakeTooSmall(msg.value, leastWei);
        _requireConsent(node, roles, consent);
        _stakes.add(node, msg.sender, roles, msg.value);
        emit Staked(node, msg.sender, roles, msg.value);
    }

    /// @notice Adds the value sent to the stake of a node of the caller's.
    function topUp(address node) external payable {
        Member storage grown = _stakes.topUp(node, msg.value);
        emit Staked(node, grown.owner, grown.roles, grown.stakeWei);
    }

    /// @notice Gives a node of the caller's another key, which must be willing; stake, bonds and exit go with it.
    function rotate(address node, address heir, bytes calldata consent) external {
        _requireConsent(heir, _stakes.members[node].roles, consent);
        Member storage successor = _stakes.rotate(node, heir);
        emit Rotated(node, heir);
        if (successor.exitAt == 0) emit Staked(heir, msg.sender, successor.roles, successor.stakeWei);
    }

    /// @notice Takes a node of the caller's out of service; its stake may leave after the exit delay.
    function requestExit(address node) external {
        uint64 exitAt = uint64(block.timestamp) + Exits.delaySeconds(params);
        _stakes.requestExit(node, exitAt);
        emit ExitRequested(node, exitAt);
    }

    /// @notice Pays the stake of a node that has left back to the caller, its owner.
    function withdraw(address node) external nonReentrant {
        uint256 amountWei = _stakes.remove(node);
        emit Withdrawn(node, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @notice Pays what the stake of a node has earned to the caller, its owner.
    function collect(address node) external nonReentrant {
        uint256 amountWei = _stakes.collect(node);
        emit Collected(node, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @inheritdoc IStakeVault
    function lockFor(address node, uint256 amountWei, address[] calldata validators)
        external
        returns (uint256 endorsedWei, uint256 validatorsWei)
    {
        _requireLedger();
        _stakes.lock(node, amountWei);
        return (_stakes.stakeOf(validators), _stakes.validatorsWei);
    }

    /// @inheritdoc IStakeVault
    function unlock(address node, uint256 amountWei) external {
        _requireLedger();
        _stakes.unlock(node, amountWei);
    }

    /// @inheritdoc IStakeVault
    function slash(address node, uint256 amountWei, address reporter) external nonReentrant returns (uint256 takenWei) {
        if (msg.sender != disputes && msg.sender != jury && msg.sender != ledger) revert NotAllowed(msg.sender);
        node = _stakes.current(node);
        takenWei = _stakes.slash(node, amountWei);
        Member storage left = _stakes.members[node];
        if (left.exitAt == 0 && left.roles != 0) emit Staked(node, left.owner, left.roles, left.stakeWei);
        uint256 bps = reporter == address(0) ? 0 : params.valueAt(Param.ReporterBps, params.epoch());
        uint256 rewardWei = takenWei * (bps < MAX_REPORTER_BPS ? bps : MAX_REPORTER_BPS) / 10_000;
        emit Slashed(node, takenWei, reporter, rewardWei);
        Purses.burn(takenWei - rewardWei);
        Purses.payOrBurn(reporter, rewardWei);
    }

    /// @notice Least stake of a node now, in wei.
    function minimumStakeWei() public view returns (uint256) {
        return uint256(params.valueAt(Param.MinimumStakeGwei, params.epoch())) * 1 gwei;
    }

    /// @notice What is known of a node; its owner is zero where nobody staked for it.
    function member(address node) external view returns (Member memory) {
        return _stakes.members[node];
    }

    /// @inheritdoc IStakeVault
    function stakeOf(address node) external view returns (address current, uint256 stakeWei) {
        current = _stakes.current(node);
        stakeWei = _stakes.members[current].stakeWei;
    }

    /// @inheritdoc IStakeVault
    function validatorsStakeWei() external view returns (uint256) {
        return _stakes.validatorsWei;
    }

    /// @inheritdoc IStakeVault
    function stakeOfValidatorsWei(address[] calldata nodes) external view returns (uint256) {
        return _stakes.stakeOf(nodes);
    }

    /// @inheritdoc IStakeVault
    function drawValidators(bytes32 seed, uint256 seats, address[] calldata excluded)
        external
        view
        returns (address[] memory)
    {
        return Lots.draw(_stakes, seed, seats, excluded);
    }

    function _requireLedger() private view {
        if (msg.sender != ledger) revert NotAllowed(msg.sender);
    }

    function _requireConsent(address node, uint256 roles, bytes calldata consent) private view {
        bytes32 consentHash = TypedData.hashNodeConsent(node, msg.sender, roles, _stakes.members[node].nonce);
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(consentHash), consent);
        if (failure != ECDSA.RecoverError.NoError || signer != node) revert BadConsent(node, signer);
    }
}

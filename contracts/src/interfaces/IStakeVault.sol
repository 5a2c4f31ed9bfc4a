// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the other contracts ask of the StakeVault.
interface IStakeVault {
    /// @notice Stake of all active validators, in wei.
    function validatorsStakeWei() external view returns (uint256);

    /// @notice Stake of these validators together, in wei. Reverts `NotActiveValidator` on one that is none.
    function stakeOfValidatorsWei(address[] calldata nodes) external view returns (uint256);

    /// @notice Up to `seats` draws of an active validator, each with a chance that follows its stake; `excluded` are passed over.
    function drawValidators(bytes32 seed, uint256 seats, address[] calldata excluded)
        external
        view
        returns (address[] memory);

    /// @notice The key that a node has now, and its stake, in wei.
    function stakeOf(address node) external view returns (address current, uint256 stakeWei);

    /// @notice Locks part of an active member's stake as the bond of a batch. Only the ledger may call.
    function lock(address node, uint256 amountWei) external;

    /// @notice Lets a bond go. Only the ledger may call.
    function unlock(address node, uint256 amountWei) external;

    /// @notice Takes up to `amountWei` of a node's stake: a part for `reporter`, at least half burned. Only judges may call.
    function slash(address node, uint256 amountWei, address reporter) external returns (uint256 takenWei);
}

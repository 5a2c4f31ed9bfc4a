// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the other contracts ask of the StakeVault.
interface IStakeVault {
    /// @notice Seconds between a request to exit and the withdrawal.
    function exitDelaySeconds() external view returns (uint64);

    /// @notice Stake of all active validators, in wei.
    function validatorsStakeWei() external view returns (uint256);

    /// @notice Stake of these validators together, in wei. Reverts `NotActiveValidator` on one that is none.
    function stakeOfValidatorsWei(address[] calldata nodes) external view returns (uint256);
}

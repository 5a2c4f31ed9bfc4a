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

    /**
     * @notice Locks part of an active member's stake as the bond of a batch, and weighs those who stand for it. Only the
     * ledger may call.
     * @return endorsedWei Stake of `validators` together, who must all be active.
     * @return validatorsWei Stake of all active validators.
     */
    function lockFor(address node, uint256 amountWei, address[] calldata validators)
        external
        returns (uint256 endorsedWei, uint256 validatorsWei);

    /// @notice Lets a bond go. Only the ledger may call.
    function unlock(address node, uint256 amountWei) external;

    /// @notice Takes up to `amountWei` of a node's stake: a part for `reporter`, at least half burned. Only judges may call.
    function slash(address node, uint256 amountWei, address reporter) external returns (uint256 takenWei);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Param} from "../types/Param.sol";

/// @notice What the other contracts ask of the Params. A change is announced ahead, so the values of an epoch never move.
interface IParams {
    /// @notice Seconds of an epoch.
    function epochSeconds() external view returns (uint64);

    /// @notice Number of the epoch of this block: its timestamp over `epochSeconds`.
    function epoch() external view returns (uint64);

    /// @notice Value of a parameter in an epoch.
    function valueAt(Param param, uint64 epoch_) external view returns (uint64);

    /// @notice The four values of a group in an epoch, in the order of `Param`.
    function groupAt(uint256 group, uint64 epoch_) external view returns (uint64[4] memory);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An account that acts as told, and takes money in its own way.
contract Receiver {
    address private _target;
    bytes private _again;
    bool private _refuses;
    bool private _isGreedy;
    uint256 public reentered;

    error Refused();

    receive() external payable {
        if (_refuses) revert Refused();
        if (_isGreedy) while (gasleft() > 0) {}
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        (bool done,) = target.call(_again);
        if (done) reentered++;
    }

    /// @notice From now on, what is sent here is refused.
    function refuse(bool refuses) external {
        _refuses = refuses;
    }

    /// @notice From now on, what is sent here is refused, and all gas that came with it is gone.
    function devour() external {
        _isGreedy = true;
    }

    /// @notice Calls this once when money comes.
    function reenter(address target, bytes calldata again) external {
        (_target, _again) = (target, again);
    }

    function act(address target, uint256 valueWei, bytes calldata data) external payable {
        (bool done, bytes memory answer) = target.call{value: valueWei}(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}

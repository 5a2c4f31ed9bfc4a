// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/**
 * @title GOpen
 * @notice OPEN with a memory: the coin wrapped one to one, so that votes can be counted as of a moment in the past. Votes
 * count for whoever they are delegated to, which may be their holder.
 */
contract GOpen is ERC20Votes, ReentrancyGuardTransient {
    event Deposited(address indexed account, uint256 amountWei);
    event Withdrawn(address indexed account, address indexed to, uint256 amountWei);

    constructor() ERC20("Governance OPEN", "GOPEN") EIP712("Tributary GOPEN", "1") {}

    /// @notice The same as `deposit`.
    receive() external payable {
        _deposit();
    }

    /// @notice Wraps the value sent, for the caller.
    function deposit() external payable {
        _deposit();
    }

    /**
     * @notice Unwraps coins of the caller's.
     * @param to Who gets them: an account that refuses coins can name another.
     */
    function withdraw(address payable to, uint256 amountWei) external nonReentrant {
        _burn(msg.sender, amountWei);
        emit Withdrawn(msg.sender, to, amountWei);
        Address.sendValue(to, amountWei);
    }

    /// @notice Seconds since 1970: an L2 may change how often it makes a block.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice How `clock` counts, as ERC-6372 writes it.
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _deposit() private {
        _mint(msg.sender, msg.value);
        emit Deposited(msg.sender, msg.value);
    }
}

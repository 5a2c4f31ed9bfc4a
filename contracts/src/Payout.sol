// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPayout} from "./interfaces/IPayout.sol";
import {Payouts} from "./libraries/Payouts.sol";

/**
 * @title Payout
 * @notice Pays workers, validators, model owners, contributors, stakers and the treasury. A final batch that collected fees
 * brings them here with a Merkle-sum root over all cumulative payouts; an account shows its leaf and gets what it has not
 * had yet. A root counts only when its batch's window is over, so a false one can be disputed before it pays.
 */
contract Payout is IPayout, ReentrancyGuardTransient {
    using Payouts for Payouts.State;

    /// @inheritdoc IPayout
    address public immutable ledger;

    Payouts.State private _payouts;

    event Claimed(address indexed account, uint256 amountWei, uint256 cumulativeWei);

    error NotLedger(address caller);

    constructor(address ledger_) {
        ledger = ledger_;
    }

    /// @inheritdoc IPayout
    function setRoot(bytes32 root_) external payable {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        _payouts.root = root_;
    }

    /**
     * @notice Pays `account` what it has earned and not claimed. Anybody may send this; the money goes to the account.
     * @param cumulativeWei All that the account has earned, as its leaf says.
     * @param path One bit a sibling, lowest first: set where the way to the root comes up on the right.
     * @param siblings Nodes from the leaf upwards, 160 bits of hash over 96 bits of wei each.
     */
    function claim(address account, uint256 cumulativeWei, uint256 path, bytes32[] calldata siblings)
        external
        nonReentrant
    {
        uint256 amountWei = _payouts.claim(account, cumulativeWei, path, siblings);
        emit Claimed(account, amountWei, cumulativeWei);
        Address.sendValue(payable(account), amountWei);
    }

    /// @notice All that an account was paid, in wei.
    function claimedWei(address account) external view returns (uint256) {
        return _payouts.claimedBy[account];
    }

    /// @notice The root that claims are checked against: that of the newest final batch which collected fees.
    function root() external view returns (bytes32) {
        return _payouts.root;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPayout} from "./interfaces/IPayout.sol";
import {SumNode} from "./libraries/MerkleTree.sol";
import {Payouts} from "./libraries/Payouts.sol";

/**
 * @title Payout
 * @notice Pays workers, validators, model owners, contributors and the treasury. Each final batch brings its fees and a
 * Merkle-sum root over all cumulative payouts; an account shows its leaf and gets what it has not had yet.
 */
contract Payout is IPayout, ReentrancyGuardTransient {
    using Payouts for Payouts.State;

    /// @inheritdoc IPayout
    address public immutable ledger;

    Payouts.State private _payouts;

    /// @notice There is a new root; `fundedWei` is all that ever came in.
    event RootSet(bytes32 root, uint32 count, uint256 totalWei, uint256 fundedWei);
    event Claimed(address indexed account, uint256 amountWei, uint256 cumulativeWei);

    error NotLedger(address caller);

    constructor(address ledger_) {
        ledger = ledger_;
    }

    /// @inheritdoc IPayout
    function setRoot(bytes32 root, uint32 count, uint256 totalWei) external payable {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        _payouts.fund(root, count, totalWei, msg.value);
        emit RootSet(root, count, totalWei, _payouts.fundedWei);
    }

    /**
     * @notice Pays `account` what it has earned and not claimed. Anybody may send this; the money goes to the account.
     * @param cumulativeWei All that the account has earned, as its leaf says.
     * @param index The leaf's position.
     * @param siblings Nodes from the leaf upwards.
     */
    function claim(address account, uint256 cumulativeWei, uint256 index, SumNode[] calldata siblings)
        external
        nonReentrant
    {
        uint256 amountWei = _payouts.claim(account, cumulativeWei, index, siblings);
        emit Claimed(account, amountWei, cumulativeWei);
        Address.sendValue(payable(account), amountWei);
    }

    /// @notice All that an account was paid, in wei.
    function claimedWei(address account) external view returns (uint256) {
        return _payouts.claimedBy[account];
    }

    /// @notice The root that claims are checked against.
    function current() external view returns (bytes32 root, uint256 count, uint256 totalWei) {
        return (_payouts.root, _payouts.count, _payouts.totalWei);
    }

    /// @notice All that came in, and all that was paid out, in wei.
    function totals() external view returns (uint256 fundedWei, uint256 paidWei) {
        return (_payouts.fundedWei, _payouts.claimedWei);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Order, Orders} from "./libraries/Orders.sol";
import {Quorums} from "./libraries/Quorums.sol";
import {Approval} from "./types/Approval.sol";

/**
 * @title JobEscrow
 * @notice Pays for long jobs by milestones. A milestone is released when two thirds of the validators' stake say that it
 * was reached, or the requester does; what is not reached by the deadline goes back. When a worker falls silent, the
 * same two thirds give what is left to the one that takes over.
 */
contract JobEscrow is EIP712, ReentrancyGuardTransient {
    using Orders for Order;

    /// @notice Whose stake approves.
    IStakeVault public immutable vault;

    mapping(bytes32 orderId => Order) private _orders;

    /// @notice What an account may withdraw, in wei.
    mapping(address account => uint256) public owedWei;

    event OrderFunded(
        bytes32 indexed orderId,
        bytes32 indexed jobId,
        address indexed requester,
        address payee,
        uint128[] amounts,
        uint64 deadline
    );
    event MilestoneReleased(
        bytes32 indexed orderId, uint256 indexed index, address indexed payee, uint256 amountWei, bytes32 commitment
    );
    event PayeeReplaced(bytes32 indexed orderId, address indexed payee, uint32 round);
    event OrderRefunded(bytes32 indexed orderId, address indexed requester, uint256 amountWei);
    event Withdrawn(address indexed account, uint256 amountWei);

    error NotRequester(bytes32 orderId, address requester);
    error NothingOwed(address account);

    constructor(IStakeVault vault_) EIP712("Tributary", "1") {
        vault = vault_;
    }

    /**
     * @notice Funds an order with the value sent; the caller becomes its requester.
     * @param jobId The job that is paid for. One order a requester and job.
     * @param payee The worker's account.
     * @param amounts What each milestone is worth, in wei: 1 to 32, none of nothing, the value sent in all.
     * @param deadline Seconds since 1970.
     * @return orderId `keccak256(abi.encode(requester, jobId))`.
     */
    function fund(bytes32 jobId, address payee, uint128[] calldata amounts, uint64 deadline)
        external
        payable
        returns (bytes32 orderId)
    {
        orderId = Orders.idOf(msg.sender, jobId);
        _orders[orderId].fund(orderId, Order(msg.sender, deadline, 0, payee, 0, jobId, 0, amounts));
        emit OrderFunded(orderId, jobId, msg.sender, payee, amounts, deadline);
    }

    /**
     * @notice Releases a milestone that validators have seen reached. Anybody may.
     * @param commitment What they have seen: the worker's commitment to its state there.
     * @param approvals Signatures under `Milestone(jobId, index, commitment)`, ascending by validator.
     */
    function release(bytes32 orderId, uint256 index, bytes32 commitment, Approval[] calldata approvals) external {
        bytes32 hash = Orders.hashMilestone(_orders[orderId].jobId, index, commitment);
        Quorums.requireQuorum(vault, _hashTypedDataV4(hash), approvals);
        _release(orderId, index, commitment);
    }

    /**
     * @notice Releases a milestone at the requester's word: the caller's, or its signature under the same `Milestone`.
     * @param r With `vs`, the signature in the short form of EIP-2098; of no account where the requester calls.
     */
    function releaseByRequester(bytes32 orderId, uint256 index, bytes32 commitment, bytes32 r, bytes32 vs) external {
        Order storage order = _orders[orderId];
        if (msg.sender != order.requester) {
            bytes32 digest = _hashTypedDataV4(Orders.hashMilestone(order.jobId, index, commitment));
            if (!Quorums.signedBy(order.requester, digest, r, vs)) revert NotRequester(orderId, order.requester);
        }
        _release(orderId, index, commitment);
    }

    /**
     * @notice Gives the milestones that are left to another worker. Anybody may, with validators' approvals.
     * @param approvals Signatures under `Takeover(jobId, round, payee)`, the round being how often that was done before.
     */
    function replacePayee(bytes32 orderId, address payee, Approval[] calldata approvals) external {
        Order storage order = _orders[orderId];
        bytes32 hash = Orders.hashTakeover(order.jobId, order.round, payee);
        Quorums.requireQuorum(vault, _hashTypedDataV4(hash), approvals);
        uint32 round = order.replace(orderId, payee);
        emit PayeeReplaced(orderId, payee, round);
    }

    /// @notice Owes the requester what was not reached by the deadline. Anybody may.
    function refund(bytes32 orderId) external {
        Order storage order = _orders[orderId];
        uint256 amountWei = order.refund(orderId);
        owedWei[order.requester] += amountWei;
        emit OrderRefunded(orderId, order.requester, amountWei);
    }

    /// @notice Pays the caller what it is owed.
    function withdraw() external nonReentrant {
        uint256 amountWei = owedWei[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owedWei[msg.sender] = 0;
        emit Withdrawn(msg.sender, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @notice What is known of an order; its requester is zero where there is none.
    function orderOf(bytes32 orderId) external view returns (Order memory) {
        return _orders[orderId];
    }

    function _release(bytes32 orderId, uint256 index, bytes32 commitment) private {
        Order storage order = _orders[orderId];
        uint256 amountWei = order.release(orderId, index);
        owedWei[order.payee] += amountWei;
        emit MilestoneReleased(orderId, index, order.payee, amountWei, commitment);
    }
}

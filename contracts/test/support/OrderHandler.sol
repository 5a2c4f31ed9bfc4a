// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobEscrow} from "../../src/JobEscrow.sol";
import {Order} from "../../src/libraries/Orders.sol";
import {Approval} from "../../src/types/Approval.sol";
import {VM} from "./Vm.sol";

/// @notice Requesters, workers and one validator, who do what they may at any time. Keeps its own books to compare with.
contract OrderHandler {
    JobEscrow private immutable ESCROW;

    uint256 public constant PEOPLE = 3;
    uint256 public constant ORDERS = 6;
    uint256 private constant VALIDATOR_KEY = 1000;

    uint256 public fundedWei;
    uint256 public releasedWei;
    uint256 public refundedWei;
    uint256 public withdrawnWei;
    uint256 public takeovers;
    /// Milestones that were released a second time, or after the money had gone back.
    uint256 public scandals;

    bytes32[] private _ids;
    mapping(bytes32 orderId => mapping(uint256 index => bool)) private _paid;
    mapping(bytes32 orderId => bool) private _refunded;
    /// What each person has earned, whoever is the payee at the time.
    mapping(address person => uint256) public earnedWei;

    constructor(JobEscrow escrow) {
        ESCROW = escrow;
    }

    function person(uint256 seed) public pure returns (address) {
        return address(uint160(0x10000 + seed % PEOPLE));
    }

    function orderCount() external view returns (uint256) {
        return _ids.length;
    }

    function orderId(uint256 index) external view returns (bytes32) {
        return _ids[index];
    }

    function fund(uint256 seed, uint96[] calldata seeds, uint16 seconds_) external {
        if (_ids.length == ORDERS || seeds.length == 0) return;
        uint256 count = seeds.length < 4 ? seeds.length : 4;
        uint128[] memory amounts = new uint128[](count);
        uint256 sumWei = 0;
        for (uint256 i = 0; i < count; i++) {
            amounts[i] = uint128(seeds[i]) + 1;
            sumWei += amounts[i];
        }
        address who = person(seed);
        VM.deal(who, who.balance + sumWei);
        bytes32 jobId = keccak256(abi.encode("job", _ids.length));
        VM.prank(who);
        _ids.push(ESCROW.fund{value: sumWei}(jobId, person(seed >> 8), amounts, uint64(block.timestamp) + 1 + seconds_));
        fundedWei += sumWei;
    }

    /// @dev Tried at any time and for any milestone; the books say what it was.
    function release(uint256 seed, uint256 index, bool byRequester) external {
        if (_ids.length == 0) return;
        bytes32 id = _ids[seed % _ids.length];
        Order memory known = ESCROW.orderOf(id);
        index %= known.amounts.length + 1;
        bool done = byRequester ? _releaseByRequester(id, known, index) : _releaseByQuorum(id, known, index);
        if (!done) return;
        if (_paid[id][index] || _refunded[id]) scandals++;
        _paid[id][index] = true;
        releasedWei += known.amounts[index];
        earnedWei[known.payee] += known.amounts[index];
    }

    function replacePayee(uint256 seed) external {
        if (_ids.length == 0) return;
        bytes32 id = _ids[seed % _ids.length];
        Order memory known = ESCROW.orderOf(id);
        address heir = person(seed >> 8);
        bytes32 hash = keccak256(
            abi.encode(keccak256("Takeover(bytes32 jobId,uint32 round,address payee)"), known.jobId, known.round, heir)
        );
        Approval[] memory approvals = _approvals(hash);
        try ESCROW.replacePayee(id, heir, approvals) {
            takeovers++;
        } catch {}
    }

    function refund(uint256 seed) external {
        if (_ids.length == 0) return;
        bytes32 id = _ids[seed % _ids.length];
        Order memory known = ESCROW.orderOf(id);
        try ESCROW.refund(id) {
            if (_refunded[id]) scandals++;
            _refunded[id] = true;
            for (uint256 i = 0; i < known.amounts.length; i++) {
                if (_paid[id][i]) continue;
                refundedWei += known.amounts[i];
                earnedWei[known.requester] += known.amounts[i];
            }
        } catch {}
    }

    function withdraw(uint256 seed) external {
        address who = person(seed);
        uint256 beforeWei = who.balance;
        VM.prank(who);
        try ESCROW.withdraw() {
            withdrawnWei += who.balance - beforeWei;
        } catch {}
    }

    function passTime(uint16 seconds_) external {
        VM.warp(block.timestamp + seconds_);
    }

    function _releaseByRequester(bytes32 id, Order memory known, uint256 index) private returns (bool) {
        VM.prank(known.requester);
        try ESCROW.releaseByRequester(id, index, 0, 0, 0) {
            return true;
        } catch {
            return false;
        }
    }

    function _releaseByQuorum(bytes32 id, Order memory known, uint256 index) private returns (bool) {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Milestone(bytes32 jobId,uint32 index,bytes32 commitment)"), known.jobId, index, bytes32(0)
            )
        );
        Approval[] memory approvals = _approvals(hash);
        try ESCROW.release(id, index, 0, approvals) {
            return true;
        } catch {
            return false;
        }
    }

    function _approvals(bytes32 hash) private view returns (Approval[] memory approvals) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tributary"),
                keccak256("1"),
                block.chainid,
                address(ESCROW)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, hash));
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(VALIDATOR_KEY, digest);
        approvals = new Approval[](1);
        approvals[0] = Approval(VM.addr(VALIDATOR_KEY), r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }
}

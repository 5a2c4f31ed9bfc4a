// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobEscrow} from "../src/JobEscrow.sol";
import {Order, Orders} from "../src/libraries/Orders.sol";
import {Quorums} from "../src/libraries/Quorums.sol";
import {Approval} from "../src/types/Approval.sol";
import {Receiver} from "./support/Receivers.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {MockVault} from "./support/RegistryMocks.sol";
import {VM} from "./support/Vm.sol";

contract JobEscrowTest is RegistryBase {
    /// Order of the curve's group.
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    address private constant PAYEE = address(0xBEEF);
    address private constant HEIR = address(0xCAFE);
    bytes32 private constant JOB = keccak256("job");
    bytes32 private constant STATE = keccak256("state");
    uint256 private constant REQUESTER_KEY = 77;
    bytes32 private constant MILESTONE_TYPE = keccak256("Milestone(bytes32 jobId,uint32 index,bytes32 commitment)");
    bytes32 private constant TAKEOVER_TYPE = keccak256("Takeover(bytes32 jobId,uint32 round,address payee)");

    uint64 private _deadline;
    bytes32 private _orderId;
    uint128[] private _amounts;

    function setUp() public {
        deployRegistries();
        sortKeys(3);
        for (uint256 i = 0; i < 3; i++) {
            stakes.setStake(VM.addr(validatorKeys[i]), 10 ether);
        }
        // Odd weis, so that nothing comes out even.
        _amounts = [uint128(1 ether + 1), 2 ether + 3, 5];
        _deadline = uint64(block.timestamp) + 1 days;
        VM.deal(_requester(), 100 ether);
        _orderId = _fund(_amounts, 3 ether + 9);
    }

    function test_releasesByQuorumToTheLastWei() public {
        for (uint256 i = 0; i < 3; i++) {
            orders.release(_orderId, i, STATE, _approvals(_milestone(JOB, i), 2));
        }
        equal(orders.owedWei(PAYEE), 3 ether + 9, "owed");
        equal(orders.orderOf(_orderId).leftWei, 0, "left");
        VM.prank(PAYEE);
        orders.withdraw();
        equal(PAYEE.balance, 3 ether + 9, "paid");
        equal(address(orders).balance, 0, "dust");
        VM.warp(_deadline);
        VM.expectRevert(abi.encodeWithSelector(Orders.NothingLeft.selector, _orderId));
        orders.refund(_orderId);
    }

    function test_releasesOnce() public {
        Approval[] memory approvals = _approvals(_milestone(JOB, 1), 3);
        orders.release(_orderId, 1, STATE, approvals);
        VM.expectRevert(abi.encodeWithSelector(Orders.AlreadyReleased.selector, _orderId, 1));
        orders.release(_orderId, 1, STATE, approvals);
        VM.prank(_requester());
        VM.expectRevert(abi.encodeWithSelector(Orders.AlreadyReleased.selector, _orderId, 1));
        orders.releaseByRequester(_orderId, 1, STATE, 0, 0);
        equal(orders.owedWei(PAYEE), 2 ether + 3, "owed");
    }

    function test_refundsWhatIsNotReached() public {
        orders.release(_orderId, 1, STATE, _approvals(_milestone(JOB, 1), 2));
        VM.warp(_deadline - 1);
        VM.expectRevert(abi.encodeWithSelector(Orders.NotOver.selector, _orderId, _deadline));
        orders.refund(_orderId);
        VM.warp(_deadline);
        Approval[] memory late = _approvals(_milestone(JOB, 0), 3);
        VM.expectRevert(abi.encodeWithSelector(Orders.Over.selector, _orderId, _deadline));
        orders.release(_orderId, 0, STATE, late);
        orders.refund(_orderId);
        equal(orders.owedWei(_requester()), 1 ether + 6, "refund");
        VM.expectRevert(abi.encodeWithSelector(Orders.NothingLeft.selector, _orderId));
        orders.refund(_orderId);
        VM.prank(_requester());
        orders.withdraw();
        equal(_requester().balance, 98 ether - 3, "requester");
        equal(address(orders).balance, 2 ether + 3, "the payee's");
    }

    function test_theRequestersWordReleases() public {
        VM.prank(_requester());
        orders.releaseByRequester(_orderId, 0, STATE, 0, 0);
        Approval memory signed = _approval(REQUESTER_KEY, _milestone(JOB, 1));
        orders.releaseByRequester(_orderId, 1, STATE, signed.r, signed.vs);
        equal(orders.owedWei(PAYEE), 3 ether + 4, "owed");
        bytes memory refusal = abi.encodeWithSelector(JobEscrow.NotRequester.selector, _orderId, _requester());
        VM.expectRevert(refusal);
        orders.releaseByRequester(_orderId, 2, STATE, signed.r, signed.vs);
        VM.expectRevert(refusal);
        orders.releaseByRequester(_orderId, 2, STATE, 0, 0);
    }

    /// @notice An order that is not there has the zero address as requester, which a broken signature must not become.
    function test_nobodySignsForNobody() public {
        VM.expectRevert(abi.encodeWithSelector(JobEscrow.NotRequester.selector, bytes32(0), address(0)));
        orders.releaseByRequester(0, 0, STATE, 0, 0);
        Approval[] memory nobody = new Approval[](1);
        VM.expectRevert(abi.encodeWithSelector(Quorums.ApprovalsNotAscending.selector, address(0)));
        orders.release(_orderId, 0, STATE, nobody);
    }

    function test_refusesBadApprovals() public {
        Approval[] memory two = _approvals(_milestone(JOB, 0), 2);
        (two[0], two[1]) = (two[1], two[0]);
        _refuse(two, abi.encodeWithSelector(Quorums.ApprovalsNotAscending.selector, two[1].validator));
        two[0] = two[1];
        _refuse(two, abi.encodeWithSelector(Quorums.ApprovalsNotAscending.selector, two[1].validator));
        two = _approvals(_milestone(JOB, 1), 2);
        _refuse(two, _badApproval(two[0].validator));
        two = _approvals(_milestone(keccak256("another job"), 0), 2);
        _refuse(two, _badApproval(two[0].validator));
        two = _approvals(_milestone(JOB, 0), 2);
        two[1].validator = VM.addr(validatorKeys[2]);
        _refuse(two, _badApproval(two[1].validator));
        (two[1].r, two[1].vs) = (0, 0);
        _refuse(two, _badApproval(two[1].validator));
    }

    function test_refusesASignatureForAnotherContract() public {
        bytes32 hash = keccak256(abi.encode(MILESTONE_TYPE, JOB, 0, STATE));
        Approval[] memory one = new Approval[](1);
        one[0] = _approval(validatorKeys[0], typed(address(datanets), hash));
        _refuse(one, _badApproval(one[0].validator));
    }

    /// @notice The same signature with n - s: its s no longer fits, or is refused for being high.
    function test_refusesHighS() public {
        for (uint256 i = 0; i < 3; i++) {
            bytes32 digest = _milestone(JOB, 0);
            (uint8 v, bytes32 r, bytes32 s) = VM.sign(validatorKeys[i], digest);
            uint256 high = N - uint256(s);
            Approval[] memory one = new Approval[](1);
            bytes32 vs = bytes32(high | (uint256(v == 27 ? 1 : 0) << 255));
            one[0] = Approval(VM.addr(validatorKeys[i]), r, vs);
            _refuse(one, _badApproval(one[0].validator));
        }
        // The least s that is high and still fits the short form, by whoever it is that it recovers to.
        bytes32 digest_ = _milestone(JOB, 0);
        (, bytes32 r_,) = VM.sign(validatorKeys[0], digest_);
        bytes32 least = bytes32(N / 2 + 1);
        Approval[] memory forged = new Approval[](1);
        forged[0] = Approval(ecrecover(digest_, 27, r_, least), r_, least);
        stakes.setStake(forged[0].validator, 100 ether);
        require(forged[0].validator != address(0), "it recovers");
        _refuse(forged, _badApproval(forged[0].validator));
    }

    function test_asksForTwoThirds() public {
        Approval[] memory one = _approvals(_milestone(JOB, 0), 1);
        _refuse(one, abi.encodeWithSelector(Quorums.NoQuorum.selector, 10 ether, 30 ether));
        _refuse(new Approval[](0), abi.encodeWithSelector(Quorums.NoQuorum.selector, 0, 30 ether));
        Approval[] memory stranger = new Approval[](1);
        stranger[0] = _approval(4242, _milestone(JOB, 0));
        _refuse(stranger, abi.encodeWithSelector(MockVault.NotActiveValidator.selector, VM.addr(4242)));
        stakes.setStake(VM.addr(validatorKeys[2]), 10 ether + 1);
        Approval[] memory almost = _approvals(_milestone(JOB, 0), 2);
        _refuse(almost, abi.encodeWithSelector(Quorums.NoQuorum.selector, 20 ether, 30 ether + 1));
    }

    function test_givesWhatIsLeftToAnother() public {
        orders.release(_orderId, 0, STATE, _approvals(_milestone(JOB, 0), 2));
        Approval[] memory first = _approvals(_takeover(0, HEIR), 2);
        orders.replacePayee(_orderId, HEIR, first);
        orders.release(_orderId, 1, STATE, _approvals(_milestone(JOB, 1), 2));
        equal(orders.owedWei(PAYEE), 1 ether + 1, "before");
        equal(orders.owedWei(HEIR), 2 ether + 3, "after");
        orders.replacePayee(_orderId, PAYEE, _approvals(_takeover(1, PAYEE), 2));
        // The first approval does not count again.
        VM.expectRevert(_badApproval(first[0].validator));
        orders.replacePayee(_orderId, HEIR, first);
        require(orders.orderOf(_orderId).payee == PAYEE, "payee");
        Approval[] memory nobody = _approvals(_takeover(2, address(0)), 2);
        VM.expectRevert(abi.encodeWithSelector(Orders.NoPayee.selector, _orderId));
        orders.replacePayee(_orderId, address(0), nobody);
        orders.release(_orderId, 2, STATE, _approvals(_milestone(JOB, 2), 2));
        Approval[] memory late = _approvals(_takeover(2, HEIR), 2);
        VM.expectRevert(abi.encodeWithSelector(Orders.NothingLeft.selector, _orderId));
        orders.replacePayee(_orderId, HEIR, late);
    }

    function test_refusesOrdersThatCannotBe() public {
        _refuseFund(
            _amounts, 3 ether + 9, _deadline, PAYEE, abi.encodeWithSelector(Orders.AlreadyFunded.selector, _orderId)
        );
        bytes32 other = keccak256(abi.encode(address(this), JOB));
        VM.deal(address(this), 100 ether);
        uint64 now_ = uint64(block.timestamp);
        _refuseHere(_amounts, 3 ether + 9, now_, PAYEE, abi.encodeWithSelector(Orders.BadDeadline.selector, now_));
        uint64 far = now_ + 365 days + 1;
        _refuseHere(_amounts, 3 ether + 9, far, PAYEE, abi.encodeWithSelector(Orders.BadDeadline.selector, far));
        _refuseHere(
            _amounts, 3 ether + 9, _deadline, address(0), abi.encodeWithSelector(Orders.NoPayee.selector, other)
        );
        _refuseHere(
            _amounts,
            3 ether + 8,
            _deadline,
            PAYEE,
            abi.encodeWithSelector(Orders.WrongValue.selector, 3 ether + 8, 3 ether + 9)
        );
        _refuseHere(
            _amounts,
            3 ether + 10,
            _deadline,
            PAYEE,
            abi.encodeWithSelector(Orders.WrongValue.selector, 3 ether + 10, 3 ether + 9)
        );
        uint128[] memory none = new uint128[](0);
        _refuseHere(none, 0, _deadline, PAYEE, abi.encodeWithSelector(Orders.BadMilestones.selector, 0, 32));
        _refuseHere(
            new uint128[](33), 0, _deadline, PAYEE, abi.encodeWithSelector(Orders.BadMilestones.selector, 33, 32)
        );
        uint128[] memory hollow = new uint128[](2);
        hollow[0] = 1;
        _refuseHere(hollow, 1, _deadline, PAYEE, abi.encodeWithSelector(Orders.EmptyMilestone.selector, 1));
    }

    function test_takesThirtyTwoMilestones() public {
        uint128[] memory many = new uint128[](32);
        for (uint256 i = 0; i < 32; i++) {
            many[i] = uint128(i + 1);
        }
        VM.deal(address(this), 528);
        bytes32 orderId = orders.fund{value: 528}(JOB, PAYEE, many, _deadline);
        for (uint256 i = 0; i < 32; i++) {
            orders.releaseByRequester(orderId, i, STATE, 0, 0);
        }
        VM.expectRevert(abi.encodeWithSelector(Orders.BadMilestones.selector, 32, 32));
        orders.releaseByRequester(orderId, 32, STATE, 0, 0);
        equal(orders.owedWei(PAYEE), 528, "owed");
        equal(orders.orderOf(orderId).released, type(uint32).max, "all bits");
    }

    function test_aReceiverThatRefusesOrEntersAgainHarmsNobody() public {
        Receiver payee = new Receiver();
        VM.deal(address(this), 2 ether);
        uint128[] memory one = new uint128[](1);
        one[0] = 1 ether;
        bytes32 orderId = orders.fund{value: 1 ether}(JOB, address(payee), one, _deadline);
        orders.releaseByRequester(orderId, 0, STATE, 0, 0);
        bytes memory take = abi.encodeCall(orders.withdraw, ());
        payee.refuse(true);
        VM.expectRevert(abi.encodeWithSelector(Receiver.Refused.selector));
        payee.act(address(orders), 0, take);
        payee.refuse(false);
        payee.reenter(address(orders), take);
        payee.act(address(orders), 0, take);
        equal(payee.reentered(), 0, "entered again");
        equal(address(payee).balance, 1 ether, "paid once");
        equal(address(orders).balance, 3 ether + 9, "the others'");
        VM.expectRevert(abi.encodeWithSelector(JobEscrow.NothingOwed.selector, address(payee)));
        payee.act(address(orders), 0, take);
    }

    function test_keepsOrdersOfTheSameJobApart() public {
        VM.deal(address(this), 1);
        uint128[] memory one = new uint128[](1);
        one[0] = 1;
        bytes32 mine = orders.fund{value: 1}(JOB, HEIR, one, _deadline);
        require(mine != _orderId, "ids");
        Order memory known = orders.orderOf(_orderId);
        require(known.payee == PAYEE && known.amounts.length == 3 && known.jobId == JOB, "order");
    }

    function _milestone(bytes32 jobId, uint256 index) private view returns (bytes32) {
        return typed(address(orders), keccak256(abi.encode(MILESTONE_TYPE, jobId, index, STATE)));
    }

    function _takeover(uint256 round, address payee) private view returns (bytes32) {
        return typed(address(orders), keccak256(abi.encode(TAKEOVER_TYPE, JOB, round, payee)));
    }

    function _approval(uint256 key, bytes32 digest) private pure returns (Approval memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return Approval(VM.addr(key), r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function _approvals(bytes32 digest, uint256 count) private view returns (Approval[] memory signed) {
        signed = new Approval[](count);
        for (uint256 i = 0; i < count; i++) {
            signed[i] = _approval(validatorKeys[i], digest);
        }
    }

    function _badApproval(address validator) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Quorums.BadApproval.selector, validator);
    }

    function _refuse(Approval[] memory approvals, bytes memory refusal) private {
        VM.expectRevert(refusal);
        orders.release(_orderId, 0, STATE, approvals);
    }

    function _requester() private pure returns (address) {
        return VM.addr(REQUESTER_KEY);
    }

    function _fund(uint128[] memory amounts, uint256 valueWei) private returns (bytes32) {
        VM.prank(_requester());
        return orders.fund{value: valueWei}(JOB, PAYEE, amounts, _deadline);
    }

    function _refuseFund(
        uint128[] memory amounts,
        uint256 valueWei,
        uint64 deadline,
        address payee,
        bytes memory refusal
    ) private {
        VM.prank(_requester());
        _refuseHere(amounts, valueWei, deadline, payee, refusal);
    }

    function _refuseHere(
        uint128[] memory amounts,
        uint256 valueWei,
        uint64 deadline,
        address payee,
        bytes memory refusal
    ) private {
        VM.expectRevert(refusal);
        orders.fund{value: valueWei}(JOB, payee, amounts, deadline);
    }
}
